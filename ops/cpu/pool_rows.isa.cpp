#include "ops/cpu/pool_rows.h"

#include <cstddef>
#include <limits>

#include "ops/cpu/depthwise_band.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

constexpr int kVectors = 4;

template <class T>
struct IntOf {
  using type = int32_t;
};
template <>
struct IntOf<double> {
  using type = int64_t;
};
template <class T>
using Int = typename IntOf<T>::type;

// One row of results from `from`. A window's place is the sum of `origin`, the stride times its number, and
// what its tap adds.
template <int Vectors, class T>
__attribute__((noinline)) void max_row(const Depthwise& d, const T* from, Int<T> origin, Int<T> first_row,
                                       int64_t begin, int64_t n, T* values, int64_t* indices) {
  constexpr int64_t kWidth = kLanes<T>;
  const DepthwiseAxis& x = d.axes[2];
  const Int<T> stride = static_cast<Int<T>>(x.stride), row_length = static_cast<Int<T>>(x.from),
               dilation = static_cast<Int<T>>(x.dilation);
  Vec<T> best[Vectors];
  Vec<Int<T>> number[Vectors], where[Vectors];
  // Before anything is better: the first place that lies inside.
  Int<T> lane[kWidth], first[kWidth];
  for (int v = 0; v < Vectors; ++v) {
    best[v] = splat(-std::numeric_limits<T>::infinity());
    for (int64_t i = 0; i < kWidth; ++i) {
      const int64_t o = begin + v * kWidth + i, start = o * x.stride - x.pad;
      lane[i] = static_cast<Int<T>>(o) * stride;
      first[i] = first_row +
                 (start < 0 ? static_cast<Int<T>>((-start + x.dilation - 1) / x.dilation) * dilation : 0);
    }
    __builtin_memcpy(&number[v], lane, sizeof(lane));
    __builtin_memcpy(&where[v], first, sizeof(first));
  }
  for (int64_t t = 0; t < d.first[1]; ++t) {
    const T* at = from + d.taps[t].offset + begin;
    const Int<T> place = static_cast<Int<T>>(d.taps[t].place);
    const Int<T> ky = place / static_cast<Int<T>>(x.kernel), kx = place % static_cast<Int<T>>(x.kernel);
    const Int<T> adds = ky * static_cast<Int<T>>(d.axes[1].dilation) * row_length + kx * dilation;
    const Vec<Int<T>> here = Vec<Int<T>>{} + adds;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Vec<T> value = load_vector(at + v * kWidth);
      const auto better = (value > best[v]) | (value != value);
      best[v] = better ? value : best[v];
      where[v] = better ? here : where[v];
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    const Vec<Int<T>> place = where[v] + number[v] + origin;
    const int64_t count = clamp(n - v * kWidth, 0, kWidth);
    T lanes[kWidth];
    Int<T> places[kWidth];
    __builtin_memcpy(places, &place, sizeof(places));
    T* out = values + v * kWidth;
    int64_t* index = indices + v * kWidth;
    if (count == kWidth) {
      store_vector(out, best[v]);
      for (int64_t i = 0; i < kWidth; ++i) index[i] = places[i];
    } else {
      store_vector(lanes, best[v]);
      for (int64_t i = 0; i < count; ++i) {
        out[i] = lanes[i];
        index[i] = places[i];
      }
    }
  }
}

template <class T>
void max(const Depthwise& d, const T* from, T* values, int64_t* indices, T* workspace) {
  constexpr int64_t kWidth = kLanes<T>;
  const DepthwiseAxis &y = d.axes[1], &x = d.axes[2];
  for (int64_t begin = 0; begin < y.to; begin += d.band_rows) {
    const int64_t end = clamp(begin + d.band_rows, 0, y.to);
    fill_band(d, from, begin, end, workspace, -std::numeric_limits<T>::infinity());
    for (int64_t r = begin; r < end; ++r) {
      const T* band = workspace + (r - begin) * y.parts() * d.row_length;
      const int64_t start = r * y.stride - y.pad;
      const int64_t skipped = start < 0 ? (-start + y.dilation - 1) / y.dilation * y.dilation : 0;
      const auto origin = static_cast<Int<T>>(start * x.from - x.pad);
      const auto first_row = static_cast<Int<T>>(skipped * x.from);
      for (int64_t i = 0; i < x.to; i += kVectors * kWidth) {
        const int64_t n = clamp(x.to - i, 0, kVectors * kWidth);
        with_rows<kVectors>((n + kWidth - 1) / kWidth, [&]<int Vectors>() __attribute__((always_inline)) {
          max_row<Vectors>(d, band, origin, first_row, i, n, values + r * x.to + i, indices + r * x.to + i);
        });
      }
    }
  }
}

// Of numbers or vectors.
template <class T>
PLAIT_INLINE T larger(T best, T value) {
  if constexpr (std::is_floating_point_v<T>)
    return vec::select((value > best) | (value != value), value, best);  // no branch
  else
    return (value > best) | (value != value) ? value : best;
}

template <class T>
void max_values(const Depthwise& d, const T* from, T* values, T* workspace) {
  constexpr int64_t kWidth = kLanes<T>;
  const DepthwiseAxis &y = d.axes[1], &x = d.axes[2];
  for (int64_t begin = 0; begin < y.to; begin += d.band_rows) {
    const int64_t end = clamp(begin + d.band_rows, 0, y.to);
    fill_band(d, from, begin, end, workspace, -std::numeric_limits<T>::infinity());
    for (int64_t r = begin; r < end; ++r) {
      const T* band = workspace + (r - begin) * y.parts() * d.row_length;
      for (int64_t i = 0; i < x.to; i += kWidth) {
        Vec<T> best = splat(-std::numeric_limits<T>::infinity());
        for (int64_t t = 0; t < d.first[1]; ++t)
          best = larger(best, load_vector(band + d.taps[t].offset + i));
        T* out = values + r * x.to + i;
        if (x.to - i >= kWidth)
          store_vector(out, best);
        else
          __builtin_memcpy(out, &best, static_cast<std::size_t>(x.to - i) * sizeof(T));
      }
    }
  }
}

template <class T>
void divide(T* x, int64_t rows, int64_t columns, const T* by_row, const T* by_column) {
  for (int64_t r = 0; r < rows; ++r, x += columns) {
    const T by = by_row[r];
    for (int64_t i = 0; i < columns; ++i) x[i] /= by * by_column[i];
  }
}

// Calls f with Width and the rows begin ... end, so many at a time that they fit a buffer.
template <class F>
PLAIT_INLINE void over_buffers(int64_t rows, int64_t columns, int64_t width, const F& f) {
  const int64_t step = kLongestRow / columns;
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = clamp(begin + step, 0, rows);
    with_rows<kWidestWindow>(width, [&]<int Width>() { f.template operator()<Width>(begin, end); });
  }
}

// Windows side by side, each as combine() of its elements: first the rows of a window, then the columns.
template <class T, class Combine, class Finish>
PLAIT_INLINE void over_tiles(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width,
                             T* to, const Combine& combine, const Finish& finish) {
  T buffer[kLongestRow];
  over_buffers(rows, columns, width, [&]<int Width>(int64_t begin, int64_t end) {
    const T* combined = height == 1 ? from + begin * columns : buffer;
    for (int64_t r = begin; height > 1 && r < end; ++r) {
      const T* row = from + r * height * columns;
      T* of_row = buffer + (r - begin) * columns;
      for (int64_t y = 1; y < height; ++y) {
        const T *before = y == 1 ? row : of_row, *next = row + y * columns;
#pragma GCC ivdep
        for (int64_t i = 0; i < columns; ++i) of_row[i] = combine(before[i], next[i]);
      }
    }
    T* out = to + begin * columns / Width;
    const int64_t count = (end - begin) * columns / Width;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      T value = combined[i * Width];
#pragma GCC unroll 4
      for (int x = 1; x < Width; ++x) value = combine(value, combined[i * Width + x]);
      out[i] = finish(value);
    }
  });
}

template <class T>
void average(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width, T divisor, T* to) {
  over_tiles(
      from, rows, columns, height, width, to, [](T a, T b) __attribute__((always_inline)) { return a + b; },
      [&](T sum) __attribute__((always_inline)) { return sum / divisor; });
}

template <class T>
void largest(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width, T* to) {
  over_tiles(
      from, rows, columns, height, width, to,
      [](T a, T b) __attribute__((always_inline)) { return larger(a, b); },
      [](T value) __attribute__((always_inline)) { return value; });
}

template <class T>
void spread(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width, T divisor, T* to) {
  T parts[kLongestRow];
  over_buffers(rows, columns, width, [&]<int Width>(int64_t begin, int64_t end) {
    const T* in = from + begin * columns / Width;
    const int64_t count = (end - begin) * columns / Width;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      const T part = in[i] / divisor;
#pragma GCC unroll 4
      for (int x = 0; x < Width; ++x) parts[i * Width + x] = part;
    }
    for (int64_t r = begin; r < end; ++r) {
      const T* part = parts + (r - begin) * columns;
      for (int64_t y = 0; y < height; ++y) {
        T* row = to + (r * height + y) * columns;
#pragma GCC ivdep
        for (int64_t i = 0; i < columns; ++i) row[i] = part[i];
      }
    }
  });
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const PoolTable pool_table = {
    {max<float>, max_values<float>, divide<float>, average<float>, largest<float>, spread<float>},
    {max<double>, max_values<double>, divide<double>, average<double>, largest<double>, spread<double>}};
}

}  // namespace plait::cpu
