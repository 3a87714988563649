// Mantissas and exponents of floating-point numbers.
#pragma once

#include "cuda/kernels/pointwise.h"

namespace plait::cuda {

Launcher mantissa_launcher(DType dtype);
Launcher exponent_launcher(DType dtype);  // with int32 results

}  // namespace plait::cuda
