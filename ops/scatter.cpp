// Writing by index along a dimension: scatter, scatter_add, scatter_reduce.
#include "ops/decl/scatter.h"
#include "core/batch.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/index.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/index_common.h"

namespace plait {

TensorSpec infer::scatter(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                          const Tensor* src) {
  const int d = wrap_dim(dim, self.dim(), op);
  check<TypeError>(is_integral(index.dtype()),
                   "{}: expected an index of dtype int64 or int32, got {}; convert it with .long()", op,
                   index.dtype());
  // A 0-d tensor counts as one of a single dimension.
  const auto ndim = [](const Tensor& t) { return std::max<int64_t>(t.dim(), 1); };
  const auto size_of = [](const Tensor& t, int i) { return t.dim() == 0 ? 1 : t.sizes()[i]; };
  if (index.numel() != 0) {
    check(ndim(index) == ndim(self), "{}: index of shape {} must have as many dimensions as self of shape {}",
          op, index.sizes(), self.sizes());
    for (int i = 0; i < ndim(index); ++i)
      check(i == d || size_of(index, i) <= size_of(self, i),
            "{}: index of shape {} is larger than self of shape {} in dimension {}; only dimension {} may be "
            "longer",
            op, index.sizes(), self.sizes(), i, d);
  }
  if (src) {
    check<TypeError>(src->dtype() == self.dtype(), "{}: expected src of the dtype of self, {}, got {}", op,
                     self.dtype(), src->dtype());
    if (index.numel() != 0) {
      check(ndim(index) == ndim(*src),
            "{}: index of shape {} must have as many dimensions as src of shape {}", op, index.sizes(),
            src->sizes());
      for (int i = 0; i < ndim(index); ++i)
        check(size_of(index, i) <= size_of(*src, i),
              "{}: index of shape {} is larger than src of shape {} in dimension {}", op, index.sizes(),
              src->sizes(), i);
    }
  }
  return infer::like(self);
}

}  // namespace plait

namespace plait::op {
namespace {

using cpu::Reduce;

void scatter_into(const char* op, const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index,
                  const Tensor& src, Reduce reduce) {
  start_from(out, self);
  const int d = wrap_dim(dim, out.dim(), op);
  const Tensor checked = cpu::checked_along(op, without_overlap(index, out), out, d);
  cpu::scatter_along(out, d, checked, without_overlap(src, out), reduce);
}

void write_number(const char* op, const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index,
                  const Scalar& value, Reduce reduce) {
  check<TypeError>(!value.is_complex() || is_complex(out.dtype()),
                   "{}: a complex value does not go into a tensor of dtype {}", op, out.dtype());
  scatter_into(op, out, self, dim, index, scalar_tensor(value, out.dtype()), reduce);
}

Reduce reduce_of(std::string_view name) {
  check(name == "add" || name == "multiply",
        "scatter: expected reduce to be 'add' or 'multiply', got '{}'; see also scatter_reduce", name);
  return name == "add" ? Reduce::Add : Reduce::Mul;
}

// The gradient of src, which may be larger than index.
Tensor padded_to(const Tensor& grad, const Dims& sizes) {
  if (grad.sizes() == sizes) return grad;
  Tensor out = writable(plait::zeros(sizes, grad.dtype(), grad.device()), grad);
  if (grad.numel() == 0) return out;
  if (grad.dim() != sizes.size()) return plait::reshape(grad, sizes);
  Tensor window = out;
  for (int d = 0; d < sizes.size(); ++d) window = plait::narrow(window, d, 0, grad.sizes()[d]);
  plait::copy_(window, grad);
  return out;
}

Tensor gathered(Vjp& v, const Tensor& grad) {
  const Tensor index = v.in(2);
  if (index.numel() == 0) return plait::zeros(v.sizes(3), grad.dtype(), grad.device());
  return padded_to(plait::gather(grad, v.attr<int64_t>(1), index), v.sizes(3));
}

}  // namespace

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> scatter{{
    .schema = "scatter(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    .doc =
        R"(self with out[i, index[i, j]] = src[i, j] for dim 1, and likewise for other dimensions. src may be a number. With reduce='add' or
'multiply' the value is combined with what is there. Where places meet the last value stays (on CUDA any of
them, unless deterministic algorithms are asked for).

Shapes: self, index and src have the same number of dimensions; index is nowhere longer than src, nor than self but along dim.
Raises IndexError for an index out of range.

>>> plait.zeros(3).scatter(0, plait.tensor([2, 0]), plait.tensor([1., 2.]))
tensor([2., 0., 1.]))",
    .meta =
        [](const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
          // A number for src arrives as a 0-d tensor and is written everywhere.
          return infer::scatter("scatter", self, dim, index, src.is_wrapped_number() ? nullptr : &src);
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, plait::scatter(v.grad(), v.attr<int64_t>(1), v.in(2), wrapped_scalar(0)));
          if (v.needs(3)) v.set(3, gathered(v, v.grad()));
        },
    .save = "index",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
          if (src.is_wrapped_number())
            return write_number("scatter", out, self, dim, index, item(src), Reduce::Assign);
          scatter_into("scatter", out, self, dim, index, src, Reduce::Assign);
        },
}};

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Scalar&)> scatter_value{{
    .schema = "scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    .doc = "self with a number written at the given places.",
    .composite = [](const Tensor& self, int64_t dim, const Tensor& index,
                    const Scalar& value) { return plait::scatter(self, dim, index, wrapped_scalar(value)); },
    .kind = Kind::Index,
    .inplace = Inplace::Copy,
    .out = true,
}};

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, std::string_view)> scatter_reduce_src{{
    .schema = "scatter.reduce_src(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
    .doc = "self with src added to, or multiplied into, the given places. No gradient; see scatter_add and "
           "scatter_reduce.",
    .meta =
        [](const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) {
          reduce_of(reduce);
          return infer::scatter("scatter", self, dim, index, src.is_wrapped_number() ? nullptr : &src);
        },
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
           std::string_view reduce) {
          if (src.is_wrapped_number())
            return write_number("scatter", out, self, dim, index, item(src), reduce_of(reduce));
          scatter_into("scatter", out, self, dim, index, src, reduce_of(reduce));
        },
}};

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> scatter_add{{
    .schema = "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    .doc =
        R"(self with out[i, index[i, j]] += src[i, j] for dim 1, and likewise for other dimensions. Places may meet.

Shapes: as for scatter. Raises IndexError for an index out of range.

>>> plait.zeros(3).scatter_add(0, plait.tensor([2, 0, 2]), plait.tensor([1., 2., 3.]))
tensor([2., 0., 4.]))",
    .meta = [](const Tensor& self, int64_t dim, const Tensor& index,
               const Tensor& src) { return infer::scatter("scatter_add", self, dim, index, &src); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(3)) v.set(3, gathered(v, v.grad()));
        },
    .save = "index",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index,
              const Tensor& src) { scatter_into("scatter_add", out, self, dim, index, src, Reduce::Add); },
}};

}  // namespace plait::op
