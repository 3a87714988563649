// The passes of a Fourier transform. As many lines as a vector has lanes are transformed together.
//
// They lie in rows: row k holds the numbers k of all these lines, a vector of real parts, then a vector of
// imaginary ones. Every operation is one of whole vectors, whatever the line's length, and factors are the
// same in all lanes.
//
// A pass by a factor r of transforms of r m numbers (decimation in frequency) takes r rows, m apart, and puts
// the r sums, turned by the factors of their places, where they were taken from: they belong to r transforms
// of m numbers each, which lie one after the other. The last pass leaves the sums in an order of their own,
// which costs nothing where rows are read one by one (FftPlan::order).
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

// Radices with a pass of their own.
constexpr int kFftRadices[] = {8, 4, 2, 5, 3, 7, 11, 13};
constexpr int64_t kFftMostLanes = 16;
constexpr int kFftLargestRadix = 31;  // of those that are computed by the definition

// Where the rows' real and imaginary parts begin; two vectors from row to row. With the two in each other's
// places, a transform forward is one backward.
template <class T>
struct FftRows {
  T *re, *im;
};

template <class T>
struct FftPass {
  FftRows<T> rows;
  int64_t radix, m, count;  // `count` transforms of radix * m numbers
  // exp(-2 pi i j p / (radix m)) for j = 1 ... radix - 1 and p = 0 ... m - 1, j fastest, real and imaginary
  // parts.
  const T* twiddles;
  const T* roots;  // exp(-2 pi i k / radix), where the radix is none of kFftRadices
};

template <class T>
struct FftPasses {
  int64_t lanes;
  void (*of_radix[14])(const FftPass<T>& pass);  // each at its place
  void (*by_definition)(const FftPass<T>& pass);
};
struct FftPassTable {
  FftPasses<float> in_float;
  FftPasses<double> in_double;
};
PLAIT_ISA_TABLE(FftPassTable, fft_pass_table)

template <class T>
const FftPasses<T>& fft_passes() {
  if constexpr (sizeof(T) == sizeof(float))
    return fft_pass_table().in_float;
  else
    return fft_pass_table().in_double;
}

}  // namespace plait::cpu
