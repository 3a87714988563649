// Normalisation of rows: layer norm, and with center = false root mean square norm.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

struct LayerNormPlan {
  DType dtype;        // of x, y, g, dx
  bool wide_weights;  // w and b are in the dtype that is computed in; else in `dtype`
  int64_t rows, n;
  double eps;
  bool center;
};
// y = (x - mean) rstd w + b; mean and rstd in the dtype that is computed in (float64 for float64, else
// float32). w and b may be null. All rows are contiguous, those of x `row_stride` elements apart.
void layer_norm(const LayerNormPlan& plan, const void* x, int64_t row_stride, const void* w, const void* b,
                void* y, void* mean, void* rstd);
// dx, dw and db (of `dtype`, n elements) may be null.
void layer_norm_backward(const LayerNormPlan& plan, const void* g, const void* x, const void* w,
                         const void* mean, const void* rstd, void* dx, void* dw, void* db);

}  // namespace plait::cuda
