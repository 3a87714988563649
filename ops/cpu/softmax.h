// Softmax and log-softmax along the last dimension of contiguous rows.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

template <class T>
struct SoftmaxRows {
  void (*forward)(const T* x, int64_t rows, int64_t n, T* y, bool log);
  // softmax: dx = y (g - sum g y); log-softmax: dx = g - exp(y) sum g
  void (*backward)(const T* g, const T* y, int64_t rows, int64_t n, T* dx, bool log);
};
struct SoftmaxTable {
  SoftmaxRows<float> f32;
  SoftmaxRows<double> f64;
};
PLAIT_ISA_TABLE(SoftmaxTable, softmax_table)

}  // namespace plait::cpu
