// What Fourier transforms of numbers that lie side by side in memory consist of beside the passes
// (fft_passes.h).
#pragma once

#include "ops/cpu/fft_rows.h"

namespace plait::cpu {

// Numbers of columns, from the first one of as many as a vector has lanes to the next such, become numbers of
// rows of a matrix.
template <class T>
struct FftTurn {
  FftRows<T> from;
  const int32_t* order;  // number k of the columns is row order[k] of `from`
  int64_t count;         // of rows of the matrix
  int64_t columns;
  // Numbers k are multiplied by scalar k times vector k.
  const T *scalars, *vectors;
  // Rows of the matrix are as many together as a vector has lanes, `apart` numbers from the next ones.
  FftRows<T> to;
  int64_t apart;
  const T* soon;  // memory that is written next: it is fetched already
};

// Between the transform of `half` complex numbers and that of 2 * half real ones, Note [Real lines] in
// fft.cpp. `begin` ... `end` are pairs of coefficients k and half - k, of 0 ... half / 2.
template <class T>
struct FftCoefficients {
  T* to;
  const T* from;
  const T* roots;
  int64_t half, begin, end;
  T scale;
};

template <class T>
struct FftLineSteps {
  // The first pass, each at the place of its radix, of numbers that come straight from neighbours in memory:
  // rows are written once, where loading them first would write, read and write them. The pass is of one
  // transform.
  void (*first_pass[14])(const FftPass<T>& pass, const FftLines<const T>& from);
  void (*turn)(const FftTurn<T>& turn);
  void (*to_coefficients)(const FftCoefficients<T>& problem);
  void (*from_coefficients)(const FftCoefficients<T>& problem);
};
struct FftLineStepTable {
  FftLineSteps<float> in_float;
  FftLineSteps<double> in_double;
};
PLAIT_ISA_TABLE(FftLineStepTable, fft_line_step_table)

template <class T>
const FftLineSteps<T>& fft_line_steps() {
  if constexpr (sizeof(T) == sizeof(float))
    return fft_line_step_table().in_float;
  else
    return fft_line_step_table().in_double;
}

}  // namespace plait::cpu
