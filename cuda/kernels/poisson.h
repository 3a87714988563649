// Poisson numbers.
#pragma once

#include <cstdint>

#include "cuda/runtime/random_state.h"

namespace plait::cuda {

// out[i] = a Poisson number of rate rates[i].
void poisson(const RandomState& state, const double* rates, double* out, int64_t n);

}  // namespace plait::cuda
