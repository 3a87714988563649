// The cross-entropy of rows of logits against classes.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "cuda/reduce_plan.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

struct CrossEntropyPlan {
  DType dtype;  // of the logits and their gradient; all else is float64 for float64, else float32
  int64_t rows, classes;
  int64_t row_stride;  // of the logits, in elements
  const void* logits;
  const int64_t* target;
  const void* weight;      // (classes); null: all 1
  const void* weight_sum;  // one number; null with weight
  int64_t ignore_index;
  double smoothing;
  Fault* fault;  // where targets out of range are reported
};
// loss = (1 - smoothing) w_t (lse - x_t) + smoothing / C sum_c w_c (lse - x_c), 0 for ignored rows; and lse.
void cross_entropy(const CrossEntropyPlan& plan, void* loss, void* lse);
// dx (contiguous) = the gradient of the losses with respect to the logits, by that of the losses.
void cross_entropy_backward(const CrossEntropyPlan& plan, const void* grad, const void* lse, void* dx);

// The sum of the weights of the targets, which the reduction walks over.
void target_weights(const CrossEntropyPlan& plan, const ReducePlan& targets);
// Both at once: the rows' losses and dx (contiguous), the gradient of their sum, all by *divisor unless it is
// null.
void cross_entropy_with_grad(const CrossEntropyPlan& plan, const void* divisor, void* loss, void* dx);
// The same in one launch, with the loss of all rows: their mean or sum, in the dtype of the logits or,
// `wide`, in that of lse.
bool is_small_cross_entropy(const CrossEntropyPlan& plan);
void small_cross_entropy_with_grad(const CrossEntropyPlan& plan, bool mean, bool wide, void* loss, void* dx);

}  // namespace plait::cuda
