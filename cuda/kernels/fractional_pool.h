// Max pooling over windows of one size at pseudo-random places.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// Missing dimensions stand in front, of size 1.
struct FractionalPoolPlan {
  DType dtype;     // a float, of all tensors but the indices
  int rank;        // 2 or 3
  int64_t planes;  // batch * channels
  int64_t channels;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t strides[5];  // of what is read
};

// Samples (planes, rank), values and indices are contiguous. NaN wins; of equal elements the first.
void fractional_max_pool(const FractionalPoolPlan& plan, const void* x, const void* samples, void* values,
                         int64_t* indices);

}  // namespace plait::cuda
