// Gradient scaling: unscaling of many gradients at once, and the next scale. Nothing is read back.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// Elements without gaps, in any order.
struct GradBlock {
  void* data;
  int64_t numel;
};

// Multiplies all elements, of one floating dtype, in place by *inv_scale; *found_inf becomes 1 where one was
// infinite or NaN.
void unscale(DType dtype, const GradBlock* grads, int count, const float* inv_scale, float* found_inf);

struct ScaleRule {
  double growth, backoff;
  int64_t interval;
};
void update_scale(float* scale, int32_t* growth_tracker, const float* found_inf, const ScaleRule& rule);

}  // namespace plait::cuda
