// Writing rows by index: index_add, index_copy, index_fill.
#include "ops/decl/index_write.h"
#include "ops/alpha.h"
#include "ops/decl/index.h"
#include "ops/decl/view.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

TensorSpec row_spec(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                    const Tensor* source) {
  const int d = wrap_dim(dim, self.dim(), op);
  check(index.dim() <= 1, "{}: expected an index of at most one dimension, got shape {}", op, index.sizes());
  check<TypeError>(is_integral(index.dtype()),
                   "{}: expected an index of dtype int64 or int32, got {}; convert it with .long()", op,
                   index.dtype());
  if (source) {
    check<TypeError>(source->dtype() == self.dtype(), "{}: expected source of the dtype of self, {}, got {}",
                     op, self.dtype(), source->dtype());
    Dims expected(self.sizes());
    if (self.dim() > 0) expected[d] = index.numel();
    const bool scalar = self.dim() == 0 || (source->dim() == 0 && index.numel() == 1 && self.dim() == 1);
    check(scalar ? source->numel() == 1 && index.numel() == 1 : source->sizes() == expected,
          "{}: for self of shape {}, dim {} and {} indices source must have shape {}, got {}", op,
          self.sizes(), d, index.numel(), expected, source->sizes());
  }
  return infer::like(self);
}

// Negative indices are refused, as index_select does.
void write_rows(const char* op, const Tensor& out, int64_t dim, const Tensor& index, const Tensor& source,
                bool accumulate) {
  const int d = wrap_dim(dim, out.dim(), op);
  const Rows rows(out.sizes(), d);
  const Tensor checked = cpu::checked_index(op, without_overlap(index, out), rows.size, d, false);
  const Tensor from = contiguous_copy(without_overlap(source, out));
  on_contiguous(out, [&](const Tensor& to) {
    cpu::put_rows(to, from, checked, rows.outer, rows.size, rows.slab, accumulate);
  });
}

Tensor selected_grad(Vjp& v) {
  const Tensor part = plait::index_select(v.grad(), v.attr<int64_t>(1), v.in(2));
  return part.sizes() == v.sizes(3) ? part : plait::reshape(part, v.sizes(3));
}

void fill_rows(const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  start_from(out, self);
  const int d = wrap_dim(dim, out.dim(), "index_fill");
  const Tensor checked =
      cpu::checked_index("index_fill", without_overlap(index, out), out.dim() ? out.sizes()[d] : 1, d, false);
  check<TypeError>(!is_complex(value.dtype()) || is_complex(out.dtype()),
                   "index_fill: a complex value does not go into a tensor of dtype {}", out.dtype());
  Tensor one = value;
  if (value.dtype() != out.dtype()) {
    one = empty_tensor(Dims{}, out.dtype());
    cpu::copy(one, value);
  }
  if (out.dim() == 0) return checked.numel() ? cpu::copy(out, one) : void();
  std::vector<Tensor> indices(d + 1);
  indices[d] = checked;
  cpu::put_planned(out, one, cpu::plan_index("index_fill", out, indices), false);
}

TensorSpec fill_spec(const Tensor& self, int64_t dim, const Tensor& index) {
  return row_spec("index_fill", self, dim, index, nullptr);
}

}  // namespace

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, const Scalar&)> index_add{{
    .schema = "index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
    .doc =
        R"(self with alpha times the parts of source added at the indices of dimension dim. An index may appear several times.

Shapes: source has those of self, but along dim the length of index. Raises IndexError for an index out of range.

>>> plait.zeros(3).index_add(0, plait.tensor([0, 2, 0]), plait.tensor([1., 2., 3.]))
tensor([4., 0., 2.]))",
    .meta =
        [](const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) {
          check_factor("index_add", "alpha", alpha, self.dtype());
          return row_spec("index_add", self, dim, index, &source);
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          const Scalar& alpha = v.attr<const Scalar&>(4);
          if (v.needs(3)) v.set(3, alpha.equals(1) ? selected_grad(v) : selected_grad(v) * alpha);
        },
    .save = "index",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
           const Scalar& alpha) {
          start_from(out, self);
          const Scalar factor = as_factor(alpha, source.dtype());
          write_rows("index_add", out, dim, index, factor.equals(1) ? source : source * factor, true);
        },
}};

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> index_copy{{
    .schema = "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
    .doc =
        R"(self with the parts of source written at the indices of dimension dim; where an index appears twice the last part stays (on
CUDA any of them, unless deterministic algorithms are asked for).

Shapes: source has those of self, but along dim the length of index. Raises IndexError for an index out of range.

>>> plait.zeros(3).index_copy(0, plait.tensor([2, 0]), plait.tensor([1., 2.]))
tensor([2., 0., 1.]))",
    .meta = [](const Tensor& self, int64_t dim, const Tensor& index,
               const Tensor& source) { return row_spec("index_copy", self, dim, index, &source); },
    .vjp =
        [](Vjp& v) {
          const Tensor index = v.in(2);
          if (v.needs(0)) v.set(0, plait::index_fill(v.grad(), v.attr<int64_t>(1), index, Scalar(0)));
          if (v.needs(3)) v.set(3, selected_grad(v));
        },
    .save = "index",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
          start_from(out, self);
          write_rows("index_copy", out, dim, index, source, false);
        },
}};

// A number arrives as a 0-d tensor here too; this overload comes first, so that the gradient of a tensor is
// not lost.
Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> index_fill_tensor{{
    .schema = "index_fill.tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
    .doc = R"(self with the parts at the indices of dimension dim filled with value, a number or a 0-d tensor.

>>> plait.zeros(2, 2).index_fill(1, plait.tensor([0]), 7)
tensor([[7., 0.],
        [7., 0.]]))",
    .meta =
        [](const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
          check(value.dim() == 0, "index_fill: expected value to be a number or a 0-d tensor, got shape {}",
                value.sizes());
          return fill_spec(self, dim, index);
        },
    .vjp =
        [](Vjp& v) {
          const Tensor index = v.in(2);
          if (v.needs(0)) v.set(0, plait::index_fill(v.grad(), v.attr<int64_t>(1), index, Scalar(0)));
          // Of repeated indices one wrote: what is filled, not what is selected, counts.
          if (v.needs(3))
            v.set(3, v.grad() - plait::index_fill(v.grad(), v.attr<int64_t>(1), index, Scalar(0)));
        },
    .save = "index",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .cpu = fill_rows,
}};

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Scalar&)> index_fill{{
    .schema = "index_fill(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    .doc = "self with the parts at the indices of dimension dim filled with a number.",
    .meta = [](const Tensor& self, int64_t dim, const Tensor& index,
               const Scalar&) { return fill_spec(self, dim, index); },
    .vjp = [](Vjp& v) { v.set(0, plait::index_fill(v.grad(), v.attr<int64_t>(1), v.in(2), Scalar(0))); },
    .save = "index",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index,
              const Scalar& value) { fill_rows(out, self, dim, index, wrapped_scalar(value)); },
}};

}  // namespace plait::op
