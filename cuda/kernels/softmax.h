// Softmax and log-softmax of contiguous tensors seen as (outer, n, inner), along n, and their derivatives.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

struct SoftmaxPlan {
  DType dtype;  // a float, of all tensors
  int64_t outer, n, inner;
  bool log;
};
// Rows (inner = 1) of x may be `row_stride` elements apart.
void softmax(const SoftmaxPlan& plan, const void* x, int64_t row_stride, void* y);
// softmax: dx = y (g - sum g y); log-softmax: dx = g - exp(y) sum g.
void softmax_backward(const SoftmaxPlan& plan, const void* g, const void* y, void* dx);

}  // namespace plait::cuda
