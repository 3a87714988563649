// What stands around the passes of Fourier transforms (fft_passes.h): lines of tensors become rows and rows
// become lines, and rows are multiplied.
#pragma once

#include "ops/cpu/fft_passes.h"

namespace plait::cpu {

// Lines of a tensor; places and strides are in numbers of type T, two to a complex one.
template <class T>
struct FftLines {
  T* data;
  const int64_t* at;  // where each begins; of a vector's lanes that are too many, any of them
  int64_t lanes;      // how many they are
  int64_t stride;     // from element to element of a line
  int64_t ahead = 0;  // where memory is soon needed, from what is read or written: it is fetched already
};

// In `parts` 2, elements are complex; in 1 they are real, and stand in every other vector of the rows.
template <class T>
struct FftRowLoops {
  // `count` elements of lines to rows, of contiguous lines or of lines that are neighbours in memory.
  void (*load_lines)(T* rows, const FftLines<const T>& from, int64_t count, int parts);
  void (*load_columns)(T* rows, const FftLines<const T>& from, int64_t count, int parts);
  // Element k is row order[k] times `scale`.
  void (*store_lines)(const FftLines<T>& to, const T* rows, const int32_t* order, int64_t count, int parts,
                      T scale);
  void (*store_columns)(const FftLines<T>& to, const T* rows, const int32_t* order, int64_t count, int parts,
                        T scale);
  // Row to_order[k] = row from_order[k] * number k.
  void (*multiply)(FftRows<T> to, const int32_t* to_order, FftRows<T> from, const int32_t* from_order,
                   const T* numbers, int64_t count);
  // Between the transform of `half` complex numbers and that of 2 * half real ones, of which there are
  // half + 1 coefficients: Note [Real lines] in fft.cpp.
  void (*to_coefficients)(FftRows<T> rows, const int32_t* order, const T* roots, int64_t half);
  void (*from_coefficients)(FftRows<T> rows, const T* roots, int64_t half);
};
struct FftRowTable {
  FftRowLoops<float> in_float;
  FftRowLoops<double> in_double;
};
PLAIT_ISA_TABLE(FftRowTable, fft_row_table)

template <class T>
const FftRowLoops<T>& fft_row_loops() {
  if constexpr (sizeof(T) == sizeof(float))
    return fft_row_table().in_float;
  else
    return fft_row_table().in_double;
}

}  // namespace plait::cpu
