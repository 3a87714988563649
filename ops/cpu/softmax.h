// Softmax and log-softmax, along the last dimension of contiguous rows or along the dimension before it.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

template <class T>
struct SoftmaxKernels {
  void (*forward)(const T* x, int64_t rows, int64_t n, T* y, bool log);
  // softmax: dx = y (g - sum g y); log-softmax: dx = g - exp(y) sum g
  void (*backward)(const T* g, const T* y, int64_t rows, int64_t n, T* dx, bool log);
  // Of `width` <= kColumns columns, whose n elements are `stride` apart.
  static constexpr int64_t kColumns = 256;
  void (*forward_columns)(const T* x, int64_t n, int64_t stride, int64_t width, T* y, bool log);
  void (*backward_columns)(const T* g, const T* y, int64_t n, int64_t stride, int64_t width, T* dx, bool log);
};
struct SoftmaxTable {
  SoftmaxKernels<float> f32;
  SoftmaxKernels<double> f64;
};
PLAIT_ISA_TABLE(SoftmaxTable, softmax_table)

}  // namespace plait::cpu
