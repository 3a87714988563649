// Convolutions of floats, complex numbers and int64 as products of matrices whose one side is gathered from
// patches: for what cuDNN does not take, and machines without it.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// Three spatial dimensions; what is missing has size 1. Strides are in elements.
struct ConvPlan {
  enum Pass { Forward, InputGrad, WeightGrad };
  struct Layout {
    void* data;
    int64_t sizes[5], strides[5];
  };
  Pass pass;
  DType dtype;
  DType w_dtype;   // of the weight's gradient: dtype, or float32
  Layout x, w, y;  // (N, C, D, H, W), (O, C / groups, ...), (N, O, ...)
  int64_t stride[3], padding[3], dilation[3];
  int64_t groups;
  const void* bias;  // (O), contiguous, or null; forward only
};

// Writes the pass's result: y, x or w.
void run_conv(const ConvPlan& plan);

}  // namespace plait::cuda
