// Normalisation of rows: layer norm, and with center = false root mean square norm.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

struct LayerNormPlan {
  DType dtype;        // of x, y, dx
  bool wide_weights;  // w and b are in the dtype that is computed in; else in `dtype`
  int64_t rows, n;
  double eps;
  bool center;
};
// A second result in 16 bits beside a float32 one; data may be null.
struct LowerResult {
  void* data = nullptr;
  bool bfloat16 = false;  // else float16
};
// y = (x - mean) rstd w + b; mean and rstd in the dtype that is computed in (float64 for float64, else
// float32). w and b may be null. All rows are contiguous, those of x `row_stride` elements apart.
void layer_norm(const LayerNormPlan& plan, const void* x, int64_t row_stride, const void* w, const void* b,
                void* y, LowerResult lower, void* mean, void* rstd);
// Has the kernel of these rows registers for a sum that it adds to?
bool layer_norm_adds(DType dtype, int64_t n);
// dx, dw and db (of `dtype`, n elements) may be null. g is of `dtype` or, where that is float32, of 16 bits.
// dx = sum + the gradient, where sum is not null; which `layer_norm_adds` must allow.
void layer_norm_backward(const LayerNormPlan& plan, DType g_dtype, const void* g, const void* x,
                         const void* w, const void* mean, const void* rstd, const void* sum, void* dx,
                         LowerResult lower, void* dw, void* db);

}  // namespace plait::cuda
