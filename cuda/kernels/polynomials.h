// Orthogonal polynomials.
#pragma once

#include "cuda/kernels/pointwise.h"
#include "ops/special_polynomials.h"

namespace plait::cuda {

// (x, degree) with degrees in float64; its parameter is a pointer to a PolynomialDerivative.
Launcher polynomial_launcher(DType dtype);

}  // namespace plait::cuda
