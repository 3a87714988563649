// From tensors to reductions.
#pragma once

#include "core/tensor.h"
#include "cuda/kernels/reduce.h"
#include "ops/cpu/reduce.h"

namespace plait::cuda {

using cpu::DimMask;

// How the dimensions of `self` in `mask` are reduced; results and parameters are left to be set.
struct Reduction {
  ReducePlan plan;
  Tensor copy;  // that the plan points into where self has too many dimensions; lives until the launch
};
Reduction plan_reduction(const Tensor& self, DimMask mask);

// Reduces the dimensions of `self` in `mask` into contiguous results (kernels/reduce.h says what they are);
// the second, or the first, may be null. Raises TypeError naming the op where the dtype is not supported.
void run_reduce(const char* op, ReduceOp function, const Tensor& self, DimMask mask, const Tensor* out,
                const Tensor* second = nullptr, const ReduceParams& params = {});

}  // namespace plait::cuda
