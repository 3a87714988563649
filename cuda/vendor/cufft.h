// Fourier transforms by cuFFT, which is loaded when the first one asks for it.
#pragma once

#include <cstdint>

namespace plait::cuda {

enum class FftKind : uint8_t { ComplexToComplex, RealToComplex, ComplexToReal };

// Where the elements of one side lie: element (b, i, j, k) at b * dist + ((i * embed[1] + j) * embed[2] + k)
// * stride, in elements of that side.
struct FftLayout {
  int64_t embed[3];
  int64_t stride, dist;
};

// A transform of up to three dimensions, outermost first, in a batch. Of real numbers, n are their sizes; the
// other side has half of the last one. Compared as bytes, so it has no padding that is not set.
struct FftProblem {
  static constexpr int kMaxRank = 3;

  int64_t n[kMaxRank];
  FftLayout in, out;
  int64_t batch;
  uint8_t rank;
  FftKind kind;
  uint8_t is_double;
  uint8_t unused[5];
};
static_assert(sizeof(FftProblem) == 15 * 8);

// Can cuFFT be loaded?
bool cufft_is_available();

// Runs it on the current stream; sums, without a factor. In place where `in` is `out` and the layouts agree.
// ComplexToReal overwrites `in`, and wants imaginary parts of 0 in what is its own conjugate. Data are
// aligned as complex numbers are.
void cufft_run(const FftProblem& problem, void* in, void* out, bool forward);

}  // namespace plait::cuda
