// What the declarations of reductions share: sets of dimensions, shapes of results, gradients back in the
// input's shape.
#pragma once

#include "ops/cpu/convert.h"
#include "ops/cpu/pointwise.h"
#include "ops/cpu/reduce.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::reduction {

using cpu::DimMask;
using MaybeDims = std::optional<IntSpan>;
using MaybeDType = std::optional<DType>;

constexpr DimMask all_dims(int64_t ndim) { return ndim >= 32 ? ~DimMask{0} : (DimMask{1} << ndim) - 1; }
// The dimensions to reduce; none given, or an empty list, means all.
PLAIT_API DimMask mask_of(const char* op, MaybeDims dim, int64_t ndim);
inline DimMask mask_of(const char* op, int64_t dim, int64_t ndim) {
  const int64_t one[] = {dim};
  return mask_of(op, IntSpan(one), ndim);
}

inline Dims dims_of(DimMask mask, int64_t ndim) {
  Dims dims;
  for (int i = 0; i < ndim; ++i)
    if (mask >> i & 1) dims.push_back(i);
  return dims;
}

PLAIT_API Dims reduced_sizes(const Dims& sizes, DimMask mask, bool keepdim);
PLAIT_API int64_t reduced_numel(const Dims& sizes, DimMask mask);
inline TensorSpec spec(const Tensor& self, DimMask mask, bool keepdim, DType dtype) {
  return TensorSpec(reduced_sizes(self.sizes(), mask, keepdim), dtype, self.device());
}

// A result of a reduction of `sizes`, with the reduced dimensions back as 1; or repeated to the full sizes.
PLAIT_API Tensor keep_dims(const Tensor& result, const Dims& sizes, DimMask mask);
// The gradient of a reduction to one of the elements: shared by those that are equal to it.
Tensor shared_gradient(const Tensor& grad, const Tensor& self, const Tensor& result, DimMask mask);
PLAIT_API Tensor expand_to(const Tensor& result, const Dims& sizes, DimMask mask);

// Integers and bool are summed as int64.
inline DType sum_dtype(DType d) { return is_integral(d, true) ? DType::Int64 : d; }

// Calls f with a result of int64, which is what the CPU's kernels give for integers and bool; narrower
// results are converted from it.
template <class F>
void through_int64(const Tensor& out, const F& f) {
  if (sum_dtype(out.dtype()) == out.dtype()) return f(out);
  const Tensor wide = empty_tensor(out.sizes(), DType::Int64);
  f(wide);
  cpu::copy(out, wide);
}

// Raises where a reduction without identity has nothing to reduce.
PLAIT_API void check_not_empty(const char* op, const Tensor& self, DimMask mask);

// The arguments of bincount, on any device.
PLAIT_API void check_bincount(const Tensor& self, const Tensor& weights, int64_t minlength);

}  // namespace plait::reduction
