// Pooling over windows of one to three spatial dimensions of (N, C, ...).
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// Missing dimensions stand in front, with one window of one element.
struct PoolPlan {
  // The windows of one dimension: window o covers o stride - padding + k dilation for k < kernel, as far as
  // that lies inside; or, with kernel 0, floor(o in / out) to ceil((o + 1) in / out).
  struct Axis {
    int64_t in = 1, out = 1;
    int64_t kernel = 1, stride = 1, padding = 0, dilation = 1;
  };
  DType dtype;  // of all tensors but the indices: a float, in max_pool() any integer, in avg_pool() int64
  int64_t batch, channels;
  Axis axes[3];
  bool count_padding = true;  // of averages
  int64_t divisor = 0;        // of averages; 0: the window's size
  // Of what is read, in elements: (N, C, three spatial dimensions).
  int64_t strides[5];
  // What is written is dense: (N, C, ...), or with channels innermost (N, ..., C).
  bool channels_innermost;
};

// Values, and where in its plane each stands: the first one, or the last NaN. Null indices are not written.
void max_pool(const PoolPlan& plan, const void* x, void* values, int64_t* indices);
// dx from dy and the indices, which lie alike (plan.strides), in a fixed order. An index outside of its
// windows counts for nothing.
void max_pool_backward(const PoolPlan& plan, const void* dy, const int64_t* indices, void* dx);

void avg_pool(const PoolPlan& plan, const void* x, void* y);
void avg_pool_backward(const PoolPlan& plan, const void* dy, void* dx);

}  // namespace plait::cuda
