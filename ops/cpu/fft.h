// Fourier transforms of CPU tensors.
#pragma once

#include "core/tensor.h"

namespace plait::cpu {

// out = scale * the transform of self over the dimensions, which are counted from 0. Complex to complex; real
// to the first n / 2 + 1 coefficients of the last of the dimensions; or these to n real values, where n is
// out's size. `forward` is the sign of the exponent: minus.
PLAIT_API void fft(const Tensor& out, const Tensor& self, IntSpan dims, bool forward, double scale);

}  // namespace plait::cpu
