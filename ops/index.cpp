// Reading by index: x[i, j], gather, index_select, take, embedding.
#include "ops/decl/index.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/index_mask.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::UInt8; }

// The mask at position d of an index list must have the sizes of the dimensions that it covers.
void check_mask(const Tensor& self, const Tensor& mask, int d) {
  for (int i = 0; i < mask.dim(); ++i)
    check<IndexError>(d + i < self.dim() && mask.sizes()[i] == self.sizes()[d + i],
                      "index: the mask of shape {} at dimension {} does not fit self of shape {}; its sizes "
                      "must be equal there",
                      mask.sizes(), d, self.sizes());
}

struct Indices {
  Tensor self;
  std::vector<Tensor> list;  // integers, one entry per dimension
};

// Masks become the positions of their set elements, one index tensor per dimension.
Indices without_masks(const Tensor& self, TensorList indices) {
  Indices out{self, {}};
  for (const Tensor& index : indices) {
    const int d = static_cast<int>(out.list.size());
    if (!index.defined()) {
      out.list.emplace_back();
    } else if (!is_mask(index)) {
      check<IndexError>(
          is_integral(index.dtype()),
          "index: tensors used as indices must be of an integer dtype or bool, got {}; convert with .long()",
          index.dtype());
      out.list.push_back(index);
    } else if (index.dim() == 0) {  // picks a new dimension of size 1, or nothing of it
      out.self = plait::unsqueeze(out.self, d);
      out.list.push_back(plait::select(plait::nonzero(plait::reshape(index, Dims{1})), 1, 0));
    } else {
      check_mask(out.self, index, d);
      const Tensor where = plait::nonzero(index);
      for (int i = 0; i < index.dim(); ++i) out.list.push_back(plait::select(where, 1, i));
    }
  }
  return out;
}

// The only index tensor of a list, and its position; undefined where there are several.
struct LoneIndex {
  Tensor index;
  int position = 0;
};
LoneIndex lone_index(TensorList indices) {
  LoneIndex lone;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].defined()) continue;
    if (lone.index.defined()) return {};
    lone = {indices[i], static_cast<int>(i)};
  }
  return lone;
}

// In kernels: masks to positions without dispatch. `self` gains no dimension, so 0-d masks were dealt with
// before.
std::vector<Tensor> positions_of_masks(const Tensor& self, TensorList indices) {
  std::vector<Tensor> out;
  for (const Tensor& index : indices) {
    if (!index.defined() || !is_mask(index)) {
      out.push_back(index);
      continue;
    }
    check_mask(self, index, static_cast<int>(out.size()));
    const Tensor where = cpu::positions(cpu::Mask(index), index.sizes());
    for (int i = 0; i < index.dim(); ++i)
      out.push_back(
          from_storage(where.storage(), DType::Int64, Dims{where.sizes()[0]}, Dims{index.dim()}, i));
  }
  return out;
}

void index_put_kernel(const Tensor& out, const Tensor& self, TensorList indices, const Tensor& given,
                      bool accumulate) {
  start_from(out, self);
  Tensor values = given;
  if (values.dtype() != out.dtype()) {
    values = empty_tensor(given.sizes(), out.dtype());
    cpu::copy(values, given);
  }
  LoneIndex lone = lone_index(indices);
  const bool one_value = values.numel() == 1;
  // x[mask] = value
  if (lone.index.defined() && is_mask(lone.index) && lone.position == 0 && lone.index.dim() == out.dim() &&
      !accumulate && out.is_contiguous() && out.dim() > 0) {
    check_mask(out, lone.index, 0);
    const cpu::Mask mask(without_overlap(lone.index, out));
    if (one_value) return cpu::fill_masked(out, values, mask);
    check(values.dim() == 1 && values.numel() == mask.count(),
          "index_put: values of shape {} cannot be broadcast to the {} elements that the mask selects",
          values.sizes(), mask.count());
    return cpu::scatter_masked(out, contiguous_copy(values), mask);
  }
  std::vector<Tensor> list = positions_of_masks(out, indices);
  for (Tensor& index : list)
    if (index.defined()) index = without_overlap(index, out);
  const Dims shape = cpu::indexed_shape("index_put", out, list);
  if (!one_value) {
    bool fits = values.dim() <= shape.size();
    for (int i = 0; fits && i < values.dim(); ++i) {
      const int64_t size = values.sizes()[i];
      fits = size == 1 || size == shape[i + shape.size() - static_cast<int>(values.dim())];
    }
    check(fits, "index_put: values of shape {} cannot be broadcast to the indexed shape {}", values.sizes(),
          shape);
    if (values.sizes() != shape || !values.is_contiguous()) {
      const Tensor full = empty_tensor(shape, out.dtype());
      cpu::copy(full, values);
      values = full;
    }
  }
  lone = lone_index(list);
  if (lone.index.defined() && !one_value && out.is_contiguous()) {
    const Rows rows(out.sizes(), lone.position);
    const Tensor index = cpu::checked_index("index_put", lone.index, rows.size, lone.position, true);
    return cpu::put_rows(out, values, index, rows.outer, rows.size, rows.slab, accumulate);
  }
  cpu::put_planned(out, values, cpu::plan_index("index_put", out, list), accumulate);
}

void index_kernel(const Tensor& out, const Tensor& self, TensorList indices) {
  const LoneIndex lone = lone_index(indices);
  if (lone.index.defined() && self.is_contiguous()) {
    const Rows rows(self.sizes(), lone.position);
    const Tensor index = cpu::checked_index("index", lone.index, rows.size, lone.position, true);
    return cpu::gather_rows(out, self, index, rows.outer, rows.size, rows.slab);
  }
  cpu::gather_planned(out, self, cpu::plan_index("index", self, indices));
}

void check_integers(const char* op, TensorList indices) {
  bool any = false;
  for (const Tensor& index : indices) {
    any |= index.defined();
    check<IndexError>(!index.defined() || (is_integral(index.dtype()) && index.dtype() != DType::UInt8),
                      "{}: expected indices of dtype int64 or int32, got {}", op,
                      index.defined() ? index.dtype() : DType::Bool);
  }
  check<IndexError>(any, "{}: expected at least one index tensor", op);
}

bool any_zero_dim_mask(TensorList indices) {
  for (const Tensor& index : indices)
    if (index.defined() && is_mask(index) && index.dim() == 0) return true;
  return false;
}

}  // namespace

// ---- several index tensors

Op<Tensor(const Tensor&, TensorList)> index{{
    .schema = "index(Tensor self, Tensor?[] indices) -> Tensor",
    .doc =
        R"(The elements of self at the given indices: x[i, j] in Python. None takes all of a dimension; index tensors broadcast together
and their shape takes the place of the dimensions that they index (the front, where these are not adjacent); a mask (bool or uint8) counts as
the positions of its set elements. Negative indices count from the end.

Raises IndexError for an index out of range, and for masks of another shape.

>>> plait.tensor([[1, 2], [3, 4]])[plait.tensor([0, 1]), plait.tensor([1, 0])]
tensor([2, 3]))",
    .composite =
        [](const Tensor& self, TensorList indices) {
          const LoneIndex lone = lone_index(indices);
          if (lone.index.defined() && is_mask(lone.index) && lone.index.dim() > 0) {
            const int d = lone.position, k = static_cast<int>(lone.index.dim());
            check_mask(self, lone.index, d);
            if (d == 0 && k == self.dim()) return plait::masked_select(self, lone.index);
            if (k == 1 || self.is_contiguous()) {
              const Tensor flat = k == 1 ? lone.index : plait::reshape(lone.index, Dims{lone.index.numel()});
              return plait::index_select(k == 1 ? self : plait::flatten(self, d, d + k - 1), d,
                                         plait::select(plait::nonzero(flat), 1, 0));
            }
          }
          const Indices plain = without_masks(self, indices);
          for (const Tensor& index : plain.list)
            if (index.defined()) return plait::_index(plain.self, plain.list);
          return plait::alias(self);
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&, TensorList)> _index{{
    .schema = "_index(Tensor self, Tensor?[] indices) -> Tensor",
    .doc = "index, for integer index tensors only.",
    .meta =
        [](const Tensor& self, TensorList indices) {
          check_integers("_index", indices);
          return TensorSpec(cpu::indexed_shape("index", self, indices), self.dtype(), self.device());
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_index_backward(v.grad(), v.sizes(0), v.in_list(1))); },
    .save = "indices",
    .kind = Kind::Index,
    .dtypes = kStoredDTypes,
    .cpu = index_kernel,
}};

Op<Tensor(const Tensor&, IntSpan, TensorList)> _index_backward{{
    .schema = "_index_backward(Tensor grad, int[] size, Tensor?[] indices) -> Tensor",
    .doc = "Zeros of the given size with grad added at the indices: the gradient of index.",
    .meta =
        [](const Tensor& grad, IntSpan size, TensorList indices) {
          check_integers("_index_backward", indices);
          return TensorSpec(Dims(size), grad.dtype(), grad.device());
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_index(v.grad(), v.in_list(2))); },
    .save = "indices",
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& grad, IntSpan, TensorList indices) {
          plait::zero_(out);
          index_put_kernel(out, out, indices, grad, true);
        },
}};

Op<Tensor(const Tensor&, TensorList, const Tensor&, bool)> index_put{{
    .schema = "index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    .doc =
        R"(A copy of self with values, broadcast, written at the indices (as in index), or added there; index_put_ overwrites self: x[i] = v in
Python. Where an index appears twice the last value stays (on CUDA any of them, unless
deterministic algorithms are asked for), or all are added.

>>> plait.zeros(3).index_put([plait.tensor([0, 2])], plait.tensor([1., 2.]))
tensor([1., 0., 2.]))",
    .meta =
        [](const Tensor& self, TensorList indices, const Tensor&, bool) {
          check<IndexError>(!indices.empty(), "index_put: expected at least one index tensor");
          for (const Tensor& index : indices)
            check<IndexError>(!index.defined() || is_integral(index.dtype(), true),
                              "index_put: tensors used as indices must be of an integer dtype or bool, got "
                              "{}; convert with .long()",
                              index.defined() ? index.dtype() : DType::Bool);
          check<IndexError>(
              !any_zero_dim_mask(indices),
              "index_put: expected masks with at least one dimension; use where() for a 0-d mask");
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          const std::vector<Tensor> indices = v.in_list(1);
          if (v.needs(0)) {
            v.set(0, v.attr<bool>(3)
                         ? v.grad()
                         : plait::index_put(v.grad(), indices,
                                            scalar_tensor(0, v.grad().dtype(), v.grad().device())));
          }
          if (!v.needs(2)) return;
          Tensor mask = indices[0];
          if (v.is_batched() && indices.size() == 1 && mask.dtype() == DType::Bool &&
              v.sizes(2).size() + mask.dim() <= v.grad().dim()) {
            // The same for all places, whose number differs between the entries: the gradients' sum needs
            // none.
            while (mask.dim() < v.grad().dim()) mask = plait::unsqueeze(mask, -1);
            return v.set(2, plait::masked_fill(v.grad(), plait::logical_not(mask), wrapped_scalar(0)));
          }
          v.set(2, plait::index(v.grad(), indices));
        },
    .save = "indices",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .cpu = index_put_kernel,
}};

// ---- one index tensor

namespace {

TensorSpec index_select_spec(const Tensor& self, int64_t dim, const Tensor& index) {
  const int d = wrap_dim(dim, self.dim(), "index_select");
  check(index.dim() <= 1, "index_select: expected an index of at most one dimension, got shape {}",
        index.sizes());
  Dims sizes(self.sizes());
  if (self.dim() > 0)
    sizes[d] = index.numel();
  else
    check(index.numel() == 1, "index_select: expected an index of one element for a 0-d tensor, got shape {}",
          index.sizes());
  return TensorSpec(sizes, self.dtype(), self.device());
}

void index_select_kernel(const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index) {
  const int d = wrap_dim(dim, self.dim(), "index_select");
  const Rows rows(self.sizes(), d);
  const Tensor checked = cpu::checked_index("index_select", index, rows.size, d, false);
  if (self.is_contiguous()) return cpu::gather_rows(out, self, checked, rows.outer, rows.size, rows.slab);
  std::vector<Tensor> indices(d + 1);
  indices[d] = checked;
  cpu::gather_planned(out, self, cpu::plan_index("index_select", self, indices));
}

TensorSpec gather_spec(const Tensor& self, int64_t dim, const Tensor& index, bool) {
  const int d = wrap_dim(dim, self.dim(), "gather");
  check<TypeError>(is_integral(index.dtype()),
                   "gather: expected an index of dtype int64 or int32, got {}; convert it with .long()",
                   index.dtype());
  if (index.numel() == 0) return TensorSpec(index.sizes(), self.dtype(), self.device());
  check(std::max<int64_t>(index.dim(), 1) == std::max<int64_t>(self.dim(), 1),
        "gather: index of shape {} must have as many dimensions as self of shape {}", index.sizes(),
        self.sizes());
  for (int i = 0; i < std::min(index.dim(), self.dim()); ++i)
    check(i == d || index.sizes()[i] <= self.sizes()[i],
          "gather: index of shape {} is larger than self of shape {} in dimension {}; only dimension {} may "
          "be longer",
          index.sizes(), self.sizes(), i, d);
  return TensorSpec(index.sizes(), self.dtype(), self.device());
}

}  // namespace

Op<Tensor(const Tensor&, int64_t, const Tensor&)> index_select{{
    .schema = "index_select(Tensor self, int dim, Tensor index) -> Tensor",
    .doc = R"(The parts of self at the given indices of dimension dim.

Index: int64 or int32, one-dimensional. Raises IndexError for an index out of range (negative ones are).

>>> plait.tensor([[1, 2], [3, 4]]).index_select(1, plait.tensor([1]))
tensor([[2],
        [4]]))",
    .meta = index_select_spec,
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_index_select_backward(v.grad(), v.sizes(0), v.attr<int64_t>(1), v.in(2)));
        },
    .save = "index",
    .kind = Kind::Index,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = index_select_kernel,
}};

Op<Tensor(const Tensor&, IntSpan, int64_t, const Tensor&)> _index_select_backward{{
    .schema = "_index_select_backward(Tensor grad, int[] size, int dim, Tensor index) -> Tensor",
    .doc = "Zeros of the given size with the parts of grad added at the indices of dimension dim: the "
           "gradient of index_select.",
    .meta =
        [](const Tensor& grad, IntSpan size, int64_t dim, const Tensor& index) {
          const int d = wrap_dim(dim, static_cast<int64_t>(size.size()), "_index_select_backward");
          Dims expected(size);
          if (!size.empty()) expected[d] = index.numel();
          check(grad.sizes() == expected && index.dim() <= 1 && (!size.empty() || index.numel() == 1),
                "_index_select_backward: expected grad of shape {} for index of shape {}, got {}", expected,
                index.sizes(), grad.sizes());
          return TensorSpec(Dims(size), grad.dtype(), grad.device());
        },
    .vjp = [](Vjp& v) { v.set(0, plait::index_select(v.grad(), v.attr<int64_t>(2), v.in(3))); },
    .save = "index",
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& grad, IntSpan, int64_t dim, const Tensor& index) {
          plait::zero_(out);
          const int d = wrap_dim(dim, out.dim(), "index_select");
          const Rows rows(out.sizes(), d);
          cpu::put_rows(out, contiguous_copy(grad),
                        cpu::checked_index("index_select", index, rows.size, d, false), rows.outer, rows.size,
                        rows.slab, true);
        },
}};

Op<Tensor(const Tensor&, int64_t, const Tensor&, bool)> gather{{
    .schema = "gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
    .doc = R"(out[i, j] = self[i, index[i, j]] for dim 1, and likewise for other dimensions.

Shapes: index has the dimensions of self and is nowhere longer, but along dim; the result has its shape. Raises IndexError for an index out of
range.

>>> plait.gather(plait.tensor([[1, 2], [3, 4]]), 1, plait.tensor([[0, 0], [1, 0]]))
tensor([[1, 1],
        [4, 3]]))",
    .meta = gather_spec,
    .vjp =
        [](Vjp& v) { v.set(0, plait::_gather_backward(v.grad(), v.sizes(0), v.attr<int64_t>(1), v.in(2))); },
    .save = "index",
    .kind = Kind::Index,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index,
              bool) { cpu::gather_along("gather", out, self, wrap_dim(dim, self.dim(), "gather"), index); },
}};

Op<Tensor(const Tensor&, IntSpan, int64_t, const Tensor&)> _gather_backward{{
    .schema = "_gather_backward(Tensor grad, int[] size, int dim, Tensor index) -> Tensor",
    .doc =
        "Zeros of the given size with grad added at the indices along dimension dim: the gradient of gather.",
    .meta =
        [](const Tensor& grad, IntSpan size, int64_t dim, const Tensor& index) {
          check(grad.sizes() == index.sizes(), "_gather_backward: expected grad of shape {}, got {}",
                index.sizes(), grad.sizes());
          const TensorSpec out(Dims(size), grad.dtype(), grad.device());
          gather_spec(empty_tensor(TensorSpec(out.sizes, out.dtype, kMeta)), dim, index, false);
          return out;
        },
    .vjp = [](Vjp& v) { v.set(0, plait::gather(v.grad(), v.attr<int64_t>(2), v.in(3))); },
    .save = "index",
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& grad, IntSpan, int64_t dim, const Tensor& index) {
          const int d = wrap_dim(dim, out.dim(), "gather");
          plait::zero_(out);
          cpu::scatter_along(out, d, cpu::checked_along("gather", index, out, d), grad, cpu::Reduce::Add);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> take{{
    .schema = "take(Tensor self, Tensor index) -> Tensor",
    .doc =
        R"(The elements of self, thought of as one-dimensional, at the given indices; the result has the shape of index.

>>> plait.tensor([[1, 2], [3, 4]]).take(plait.tensor([0, -1]))
tensor([1, 4]))",
    .meta =
        [](const Tensor& self, const Tensor& index) {
          check<TypeError>(is_integral(index.dtype()) && index.dtype() != DType::UInt8,
                           "take: expected an index of dtype int64 or int32, got {}; convert it with .long()",
                           index.dtype());
          return TensorSpec(index.sizes(), self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          int64_t numel = 1;
          for (const int64_t size : v.sizes(0)) numel *= size;
          const std::vector<Tensor> where{v.in(1)};
          v.set(0, plait::reshape(plait::_index_backward(v.grad(), Dims{numel}, where), v.sizes(0)));
        },
    .save = "index",
    .kind = Kind::Index,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& index) {
          const Tensor at = cpu::checked_index("take", index, self.numel(), 0, true);
          cpu::gather_rows(out, contiguous_copy(self), at, 1, self.numel(), 1);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>)> take_along_dim{{
    .schema = "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
    .doc =
        R"(gather, with self and indices broadcast except along dim; without dim both are taken as one-dimensional. Negative indices
count from the end.

>>> x = plait.tensor([[3, 1, 2]])
>>> plait.take_along_dim(x, plait.argsort(x), 1)
tensor([[1, 2, 3]]))",
    .composite =
        [](const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
          check<TypeError>(
              is_integral(indices.dtype()),
              "take_along_dim: expected indices of dtype int64, got {}; convert them with .long()",
              indices.dtype());
          const auto from_start = [](const Tensor& given, int64_t size) {
            if (given.dtype() == DType::UInt8) return given;
            return plait::where(plait::lt(given, wrapped_scalar(0)), given + Scalar(size), given);
          };
          if (!dim)
            return plait::gather(plait::reshape(self, Dims{self.numel()}), 0,
                                 from_start(plait::reshape(indices, Dims{indices.numel()}), self.numel()));
          check(self.dim() == indices.dim(),
                "take_along_dim: self of shape {} and indices of shape {} must have the same number of "
                "dimensions",
                self.sizes(), indices.sizes());
          const int d = wrap_dim(*dim, self.dim(), "take_along_dim");
          if (self.dim() == 0) return plait::gather(self, 0, indices);
          Dims a(self.sizes()), b(indices.sizes());
          a[d] = b[d] = 1;
          Dims common = broadcast(a, b, "take_along_dim");
          common[d] = self.sizes()[d];
          const Tensor full = plait::expand(self, common);
          common[d] = indices.sizes()[d];
          return plait::gather(full, d, plait::expand(from_start(indices, self.sizes()[d]), common));
        },
    .kind = Kind::Index,
    .out = true,
}};

}  // namespace plait::op
