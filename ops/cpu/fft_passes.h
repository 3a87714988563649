// The passes of a Fourier transform over lines that lie interleaved, real and imaginary parts apart.
//
// Stockham's algorithm, decimation in frequency: a pass by a factor r of a transform of r m numbers reads r
// rows of s numbers, m rows apart, and writes r neighbouring rows, which are the beginnings of r transforms
// of m numbers; s, the lines to begin with, grows by r in each pass, so that the loops over it are vectors,
// and the result comes out in order.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

constexpr int kFftRadices[] = {4, 2, 3, 5};
constexpr int kFftLargestRadix = 31;  // of those that are computed by the definition

template <class T>
struct FftPass {
  const T *in_re, *in_im;
  T *out_re, *out_im;
  int64_t radix, m, s;
  // exp(-2 pi i j p / (radix m)) for j = 1 ... radix - 1 and p = 0 ... m - 1, j fastest, real and imaginary
  // parts.
  const T* twiddles;
  const T* roots;  // exp(-2 pi i k / radix), where the radix is none of kFftRadices
};

template <class T>
struct FftPasses {
  void (*of_radix[6])(const FftPass<T>& pass);  // 2, 3, 4, 5 at their places
  void (*by_definition)(const FftPass<T>& pass);
};
struct FftTable {
  FftPasses<float> in_float;
  FftPasses<double> in_double;
};
PLAIT_ISA_TABLE(FftTable, fft_table)

}  // namespace plait::cpu
