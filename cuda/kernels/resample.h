// Resizing of pictures (N, C, depth, height, width): nearest, linear and cubic interpolation, also with
// antialias, and its adjoint.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

enum class ResampleMode : uint8_t { Nearest, NearestExact, Linear, Cubic };

struct ResamplePlan {
  struct Axis {
    int64_t in = 1, out = 1;
    double factor = 0;    // the scale that was asked for; 0: that of the sizes
    bool missing = true;  // positions stay as they are
  };
  DType from, to;  // floats or uint8: one dtype, or float32 beside a smaller one
  ResampleMode mode;
  bool align_corners, antialias;
  int64_t batch, channels;
  Axis axes[3];
  int64_t strides[5];       // of what is read, in elements
  bool channels_innermost;  // of what is written, which is dense
};
// The most positions that one output position of the axis reads.
int64_t resample_taps(const ResamplePlan& plan, const ResamplePlan::Axis& axis);
void resample(const ResamplePlan& plan, const void* x, void* y);
void resample_backward(const ResamplePlan& plan, const void* dy, void* dx);

}  // namespace plait::cuda
