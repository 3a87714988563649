// Rows of logits: log-sum-exp, and the gradient of the cross-entropy.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

template <class T>
struct CrossEntropyRows {
  // lse[r] = log sum exp x[r, :]
  void (*log_sum_exp)(const T* x, int64_t rows, int64_t columns, T* lse);
  // y[r, :] = scale[r] softmax(x[r, :]), and the row's log-sum-exp
  void (*softmax)(const T* x, const T* scale, int64_t rows, int64_t columns, T* y, T* lse);
  // y[r, c] = scale[r] exp(x[r, c] - lse[r])
  void (*softmax_of_lse)(const T* x, const T* lse, const T* scale, int64_t rows, int64_t columns, T* y);
  // sum weight[c] x[c]; the weights are 1 where null
  T (*weighted_sum)(const T* x, const T* weight, int64_t columns);
};
struct CrossEntropyTable {
  CrossEntropyRows<float> f32;
  CrossEntropyRows<double> f64;
};
PLAIT_ISA_TABLE(CrossEntropyTable, cross_entropy_table)

template <class T>
const CrossEntropyRows<T>& cross_entropy_rows() {
  if constexpr (std::is_same_v<T, double>)
    return cross_entropy_table().f64;
  else
    return cross_entropy_table().f32;
}

}  // namespace plait::cpu
