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

// Classes (rows, line), contiguous, and a weight for each class or null. Reports a class out of range.
struct NllPlan {
  DType dtype;
  int64_t rows, classes, line;
  const int64_t* target;
  const void* weight;
  int64_t ignore_index;
  Fault* fault;
};
// out[r, i] = -weight[c] x[r, c, i], where c is the target, and 0 where it is ignored. `strides`: those of x,
// in elements.
void nll_terms(const NllPlan& plan, const void* x, const int64_t (&strides)[3], void* out);
// The gradient of x, contiguous, which holds zeros, from that of `out`, contiguous.
void nll_terms_backward(const NllPlan& plan, const void* upper, void* gradient);

}  // namespace plait::cuda
