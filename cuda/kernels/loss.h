// Losses that read two tensors at once.
#pragma once

#include "core/dtype.h"
#include "cuda/reduce_plan.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

// The sum of (in - other)^2 / params.divisor, of floats, in their own dtype.
void squared_distance(DType dtype, const ReducePlan& plan);

// Reports an element of n contiguous ones that is not between 0 and 1.
void check_probabilities(DType dtype, const void* x, int64_t n, Fault* fault);

// out = x times *factor, of n elements without gaps. Nothing is done where out is x and the factor 1.
void scale(DType dtype, const void* x, int64_t n, DType factor_dtype, const void* factor, void* out);

// out = target, 0 where it is ignore_index; reports a class out of range.
void class_targets(const int64_t* target, int64_t n, int64_t classes, int64_t ignore_index, int64_t* out,
                   Fault* fault);

}  // namespace plait::cuda
