// Normalisation of contiguous rows, in one pass over memory forward and one backward (a row stays in cache
// between its passes).
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

template <class T>
struct LayerNormRows {
  // y = (x - mean) rstd w + b; w and b may be null. `center` false: root mean square only, mean = 0.
  void (*forward)(const T* x, const T* w, const T* b, int64_t rows, int64_t n, double eps, bool center, T* y,
                  T* mean, T* rstd);
  // dx (may be null) = the gradient and, where it is not null, sum; dw and db (both or neither may be null)
  // += over the rows
  void (*backward)(const T* g, const T* x, const T* w, const T* mean, const T* rstd, const T* sum,
                   int64_t rows, int64_t n, bool center, T* dx, T* dw, T* db);
};
struct LayerNormTable {
  LayerNormRows<float> f32;
  LayerNormRows<double> f64;
};
PLAIT_ISA_TABLE(LayerNormTable, layer_norm_table)

}  // namespace plait::cpu
