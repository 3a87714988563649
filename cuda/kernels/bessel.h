// Bessel functions and the functions of two numbers around the gamma function.
#pragma once

#include "cuda/kernels/pointwise.h"
#include "ops/special_bessel.h"
#include "ops/special_gamma.h"

namespace plait::cuda {

// Their parameter is a pointer to the function's name.
Launcher bessel_launcher(DType dtype);
Launcher gamma_pair_launcher(DType dtype);

}  // namespace plait::cuda
