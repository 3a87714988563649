// What a transform to real numbers needs before cuFFT may have it.
#pragma once

#include <cstdint>

namespace plait::cuda {

// Halves of spectra, contiguous: (batch, n0, n1, half). Of an n-point transform to real numbers along the
// last dimension, the first coefficient and (n even) the last are to be the conjugates of those at the
// opposite place of the other dimensions; they become the mean of the two, which is what the real part of the
// transform is made of.
struct HermitianPlan {
  void* data;
  int64_t batch, n0, n1, half;
  bool has_last;   // n is even
  bool is_double;  // complex128
};
void make_hermitian(const HermitianPlan& plan);

}  // namespace plait::cuda
