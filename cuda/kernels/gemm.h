// Matrix products of every dtype and layout, for what cuBLASLt does not take: integers, odd strides, and
// machines without it.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "cuda/plan.h"

namespace plait::cuda {

// c = alpha * (a b) + beta * c + bias. Strides are in elements, any for all three; batch strides as in the
// core's Product. c is not read where beta is 0.
struct GemmPlan {
  static constexpr int kMaxBatchDims = 6;
  struct Operand {
    void* data;
    int64_t row, column;
    int64_t batch[kMaxBatchDims];
  };
  DType dtype;
  int64_t m, n, k;
  Operand c, a, b;
  int batch_dims;
  int64_t batch[kMaxBatchDims];
  const void* bias;  // one a column, contiguous, or null
  Number alpha, beta;
  bool beta_is_zero;
};

void run_gemm(const GemmPlan& plan);

}  // namespace plait::cuda
