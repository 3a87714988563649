// Filling the buffer of Note [Depthwise convolution]. For *.isa.cpp files; everything here has internal
// linkage.
#pragma once

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "ops/cpu/depthwise.h"
#include "ops/cpu/gemm_tile.h"

namespace plait::cpu {
namespace {

PLAIT_INLINE int64_t ceil_div(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }
PLAIT_INLINE int64_t clamp(int64_t x, int64_t low, int64_t high) {
  return x < low ? low : x > high ? high : x;
}

template <class T>
PLAIT_INLINE void copy_elements(const T* from, T* to, int64_t n) {
  constexpr int64_t kWidth = kLanes<T>;
  if (n < kWidth) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
    return;
  }
  for (int64_t i = 0; i + kWidth <= n; i += kWidth) store_vector(to + i, load_vector(from + i));
  store_vector(to + n - kWidth, load_vector(from + n - kWidth));
}

// One row of the source, in its parts. What lies in the padding has been there from the start and is not
// written.
template <class T>
PLAIT_INLINE void fill_row(const Depthwise& d, const T* row, T* to) {
  const DepthwiseAxis& x = d.axes[2];
  const int64_t parts = x.parts();
  for (int64_t part = 0; part < parts; ++part, to += d.part_length) {
    if (!d.used[2][part]) continue;
    const int64_t shift = part + d.shift[2];
    const int64_t begin = clamp(ceil_div(-shift, parts), 0, d.part_needed);
    const int64_t n = clamp(ceil_div(x.from - shift, parts), begin, d.part_needed) - begin;
    const T* from = row + begin * parts + shift;
    T* out = to + begin;
    if (parts == 1) {
      copy_elements(from, out, n);
    } else if (parts == 2) {
      for (int64_t i = 0; i < n; ++i) out[i] = from[2 * i];
    } else {
      for (int64_t i = 0; i < n; ++i) out[i] = from[parts * i];
    }
  }
}

// The rows that results [begin, end) need, `padding` where they lie outside.
template <class T>
void fill_band(const Depthwise& d, const T* plane, int64_t begin, int64_t end, T* to, T padding) {
  const DepthwiseAxis& y = d.axes[1];
  const int64_t rows = (end - 1 - begin) / y.kinds() * y.parts() + d.rows_beyond + 1;
  const int64_t first = begin / y.kinds() * y.parts() + d.shift[1];
  const bool one_band = d.band_rows >= y.to;
  for (int64_t r = 0; r < rows; ++r, to += d.row_length) {
    if (y.parts() > 1 && !d.used[1][r % y.parts()]) continue;
    if (first + r >= 0 && first + r < y.from) {
      fill_row(d, plane + (first + r) * d.axes[2].from, to);
    } else if (!one_band) {
      for (int64_t i = 0; i < d.row_length; ++i) to[i] = padding;
    }
  }
}

}  // namespace
}  // namespace plait::cpu
