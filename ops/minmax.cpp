// Largest and smallest elements, their positions; any and all.
#include "ops/decl/minmax.h"
#include "ops/decl/compare.h"
#include "ops/decl/index.h"
#include "ops/decl/power.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using cpu::Extremes;
using cpu::Positions;
using cpu::ReduceParams;
using cpu::ReduceTarget;

void extreme_into(Extremes f, const Tensor& out, const Tensor& self, DimMask mask) {
  reduce(cpu::extremes_table().at(f, self.dtype()), self, mask, out);
}

void positions_into(Positions f, const Tensor& values, const Tensor& indices, const Tensor& self,
                    DimMask mask) {
  const ReduceTarget targets[] = {{values}, {indices, {.location = true}}};
  reduce(cpu::positions_table().at(f, self.dtype()), self, mask, targets);
}

TensorSpec extreme_spec(const char* op, const Tensor& self, DimMask mask, bool keepdim) {
  check_not_empty(op, self, mask);
  return spec(self, mask, keepdim, self.dtype());
}

std::array<TensorSpec, 2> positions_spec(const char* op, const Tensor& self, int64_t dim, bool keepdim) {
  const DimMask mask = mask_of(op, dim, self.dim());
  check_not_empty(op, self, mask);
  return {spec(self, mask, keepdim, self.dtype()), spec(self, mask, keepdim, DType::Int64)};
}

// For max.dim and min.dim: arguments (self, dim, keepdim).
void positions_vjp(Vjp& v) {
  if (!v.grad(0).defined()) return;
  const Dims& sizes = v.sizes(0);
  const int64_t dim = v.attr<int64_t>(1);
  const DimMask mask = mask_of("max", dim, sizes.size());
  v.set(0, plait::_gather_backward(keep_dims(v.grad(0), sizes, mask), sizes, dim,
                                   keep_dims(v.out(1), sizes, mask)));
}

TensorSpec position_spec(const char* op, const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  const DimMask mask = dim ? mask_of(op, *dim, self.dim()) : all_dims(self.dim());
  if (!dim)
    check<IndexError>(self.numel() > 0,
                      "{}: self, of shape {}, has no elements; give it some, or a dim that has", op,
                      self.sizes());
  check_not_empty(op, self, mask);
  return spec(self, mask, keepdim, DType::Int64);
}

// Without dim the position is that in the flattened tensor.
void position_into(Positions f, const Tensor& out, const Tensor& self, std::optional<int64_t> dim) {
  const ReduceTarget target{out, {.location = true}};
  const std::span<const ReduceTarget> targets(&target, 1);
  if (dim) {
    reduce(cpu::positions_table().at(f, self.dtype()), self, mask_of("argmax", *dim, self.dim()), targets);
    return;
  }
  const Tensor flat = self.dim() == 1 ? self : plait::reshape(self, Dims{-1});
  reduce(cpu::positions_table().at(f, flat.dtype()), flat, 1, targets);
}

DType truth_dtype(const Tensor& self) { return self.dtype() == DType::UInt8 ? DType::UInt8 : DType::Bool; }

void truth_into(Extremes f, const Tensor& out, const Tensor& self, DimMask mask) {
  const Tensor x = is_complex(self.dtype()) ? plait::ne(self, wrapped_scalar(0)) : self;
  reduce(cpu::extremes_table().at(f, x.dtype()), x, mask, out);
}

}  // namespace

// ---- max, min

Op<Tensor(const Tensor&)> max{{
    .schema = "max(Tensor self) -> Tensor",
    .doc =
        R"(The largest element; with dim, the largest along it and the indices of the first such; with another tensor, the
elementwise maximum. A NaN is larger than any number.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real.
The gradient of max(x) is shared by the equal largest elements, that of max(x, dim) goes to the index.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.max(plait.tensor([1.0, 3.0, 2.0]))
tensor(3.)
>>> plait.max(plait.tensor([[1, 5], [7, 2]]), 1).indices
tensor([1, 0]))",
    .meta = [](const Tensor& self) { return extreme_spec("max", self, all_dims(self.dim()), false); },
    .vjp =
        [](Vjp& v) { v.set(0, shared_gradient(v.grad(), v.in(0), v.out(0), all_dims(v.sizes(0).size()))); },
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { extreme_into(Extremes::Max, out, self, all_dims(self.dim())); },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> max_dim{{
    .schema = "max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .doc = "The largest elements along dim and the indices of the first such; see max.",
    .meta = [](const Tensor& self, int64_t dim,
               bool keepdim) { return positions_spec("max", self, dim, keepdim); },
    .vjp = positions_vjp,
    .save = "indices",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim, bool) {
          positions_into(Positions::Max, values, indices, self, mask_of("max", dim, self.dim()));
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> max_other{{
    .schema = "max.other(Tensor self, Tensor other) -> Tensor",
    .doc = "The elementwise maximum; see maximum.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::maximum(self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
}};

Op<Tensor(const Tensor&)> min{{
    .schema = "min(Tensor self) -> Tensor",
    .doc =
        R"(The smallest element; with dim, the smallest along it and the indices of the first such; with another tensor, the
elementwise minimum. A NaN is smaller than any number.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real.
The gradient of min(x) is shared by the equal smallest elements, that of min(x, dim) goes to the index.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.min(plait.tensor([1.0, 3.0, 2.0]))
tensor(1.)
>>> plait.min(plait.tensor([[1, 5], [7, 2]]), 1).values
tensor([1, 2]))",
    .meta = [](const Tensor& self) { return extreme_spec("min", self, all_dims(self.dim()), false); },
    .vjp =
        [](Vjp& v) { v.set(0, shared_gradient(v.grad(), v.in(0), v.out(0), all_dims(v.sizes(0).size()))); },
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { extreme_into(Extremes::Min, out, self, all_dims(self.dim())); },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> min_dim{{
    .schema = "min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .doc = "The smallest elements along dim and the indices of the first such; see min.",
    .meta = [](const Tensor& self, int64_t dim,
               bool keepdim) { return positions_spec("min", self, dim, keepdim); },
    .vjp = positions_vjp,
    .save = "indices",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim, bool) {
          positions_into(Positions::Min, values, indices, self, mask_of("min", dim, self.dim()));
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> min_other{{
    .schema = "min.other(Tensor self, Tensor other) -> Tensor",
    .doc = "The elementwise minimum; see minimum.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::minimum(self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
}};

// ---- amax, amin, aminmax

Op<Tensor(const Tensor&, MaybeDims, bool)> amax{{
    .schema = "amax(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .doc =
        R"(The largest elements over the dimensions `dim`, all of them where none is given. NaN is larger than any number; the
gradient is shared by equal elements.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.amax(plait.tensor([[1.0, 5.0], [7.0, 2.0]]), 0)
tensor([7., 5.]))",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim) {
          return extreme_spec("amax", self, mask_of("amax", dim, self.dim()), keepdim);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, shared_gradient(v.grad(), v.in(0), v.out(0),
                                   mask_of("amax", v.attr<MaybeDims>(1), v.sizes(0).size())));
        },
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim,
              bool) { extreme_into(Extremes::Max, out, self, mask_of("amax", dim, self.dim())); },
}};

Op<Tensor(const Tensor&, MaybeDims, bool)> amin{{
    .schema = "amin(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .doc =
        R"(The smallest elements over the dimensions `dim`, all of them where none is given. NaN is smaller than any number; the
gradient is shared by equal elements.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.amin(plait.tensor([[1.0, 5.0], [7.0, 2.0]]), 0)
tensor([1., 2.]))",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim) {
          return extreme_spec("amin", self, mask_of("amin", dim, self.dim()), keepdim);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, shared_gradient(v.grad(), v.in(0), v.out(0),
                                   mask_of("amin", v.attr<MaybeDims>(1), v.sizes(0).size())));
        },
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim,
              bool) { extreme_into(Extremes::Min, out, self, mask_of("amin", dim, self.dim())); },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<int64_t>, bool)> aminmax{{
    .schema = "aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
    .doc = R"(The smallest and the largest elements, of all or along dim.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.aminmax(plait.tensor([1.0, -3.0, 2.0])).min
tensor(-3.))",
    .composite =
        [](const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
          const int64_t one[] = {dim.value_or(0)};
          const MaybeDims dims = dim ? MaybeDims(IntSpan(one)) : MaybeDims();
          check_not_empty("aminmax", self, mask_of("aminmax", dims, self.dim()));
          return std::tuple<Tensor, Tensor>(plait::amin(self, dims, keepdim),
                                            plait::amax(self, dims, keepdim));
        },
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
}};

// ---- argmax, argmin

Op<Tensor(const Tensor&, std::optional<int64_t>, bool)> argmax{{
    .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .doc =
        R"(The index of the largest element along dim, of the first where there are several; without dim, its index in the flattened
tensor. A NaN is larger than any number.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real; the result is int64.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.argmax(plait.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
tensor([1, 0]))",
    .meta = [](const Tensor& self, std::optional<int64_t> dim,
               bool keepdim) { return position_spec("argmax", self, dim, keepdim); },
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, std::optional<int64_t> dim,
              bool) { position_into(Positions::Max, out, self, dim); },
}};

Op<Tensor(const Tensor&, std::optional<int64_t>, bool)> argmin{{
    .schema = "argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .doc =
        R"(The index of the smallest element along dim, of the first where there are several; without dim, its index in the
flattened tensor. A NaN is smaller than any number.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real; the result is int64.
Errors: IndexError where there is nothing to compare, or for a dimension out of range.

>>> plait.argmin(plait.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
tensor([0, 1]))",
    .meta = [](const Tensor& self, std::optional<int64_t> dim,
               bool keepdim) { return position_spec("argmin", self, dim, keepdim); },
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, std::optional<int64_t> dim,
              bool) { position_into(Positions::Min, out, self, dim); },
}};

// ---- any, all

Op<Tensor(const Tensor&, MaybeDims, bool)> any{{
    .schema = "any(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .doc = R"(Is any element, of all or over the dimensions `dim`, other than zero? NaN is.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: any; the result is bool, uint8 for uint8. Of nothing: False.

>>> plait.any(plait.tensor([[False, True], [False, False]]), 1)
tensor([ True, False]))",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim) {
          return spec(self, mask_of("any", dim, self.dim()), keepdim, truth_dtype(self));
        },
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim,
              bool) { truth_into(Extremes::Any, out, self, mask_of("any", dim, self.dim())); },
}};

Op<Tensor(const Tensor&, MaybeDims, bool)> all{{
    .schema = "all(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .doc = R"(Are all elements, of all or over the dimensions `dim`, other than zero? NaN is.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: any; the result is bool, uint8 for uint8. Of nothing: True.

>>> plait.all(plait.tensor([[True, True], [False, True]]), 1)
tensor([ True, False]))",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim) {
          return spec(self, mask_of("all", dim, self.dim()), keepdim, truth_dtype(self));
        },
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim,
              bool) { truth_into(Extremes::All, out, self, mask_of("all", dim, self.dim())); },
}};

}  // namespace plait::op
