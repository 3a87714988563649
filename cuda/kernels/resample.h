// Resizing of pictures (N, C, depth, height, width): nearest, linear and cubic interpolation, and its
// adjoint.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

enum class ResampleMode : uint8_t { Nearest, NearestExact, Linear, Cubic };

struct ResamplePlan {
  struct Axis {
    int64_t in = 1, out = 1;
    double factor = 0;  // the scale that was asked for; 0: that of the sizes
    bool missing = false;
  };
  DType dtype;  // a float, of both tensors
  ResampleMode mode;
  bool align_corners;
  int64_t batch, channels;
  Axis axes[3];        // missing ones stand in front, of size 1
  int64_t strides[5];  // of what is read, in elements
};
// What is written is contiguous.
void resample(const ResamplePlan& plan, const void* x, void* y);
void resample_backward(const ResamplePlan& plan, const void* dy, void* dx);

}  // namespace plait::cuda
