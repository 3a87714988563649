#include "ops/cpu/resample.h"

#include <type_traits>

#include "core/half_blocks.h"
#include "ops/cpu/tile_transpose.h"
#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

// Input rows are added up in groups of so many.
constexpr int kGroup = 4;

template <class S>
inline constexpr bool kIs16Bit = std::is_same_v<S, Half> || std::is_same_v<S, BFloat16>;

template <class T, class S>
PLAIT_INLINE void widen_row(const S* from, int64_t n, T* to) {
  if constexpr (kIs16Bit<S>)
    to_float(from, to, n);
  else
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
}
// Rounded once; bytes to the nearest one, halves to even.
template <class S, class T>
PLAIT_INLINE void narrow_row(const T* from, int64_t n, S* to) {
  if constexpr (kIs16Bit<S>) {
    from_float(from, to, n);
  } else if constexpr (std::is_same_v<S, uint8_t>) {
    for (int64_t i = 0; i < n; ++i) {
      const T low = from[i] > T(0) ? from[i] : T(0), x = low < T(255) ? low : T(255);
      to[i] = static_cast<uint8_t>(static_cast<int32_t>(vec::round(x)));
    }
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

// out (+)= the weighted sum of N rows
template <int N, bool Add, class S, class T>
PLAIT_INLINE void add_rows(const S* const* rows, const T* weights, int64_t n, T* out) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    T sum = weights[0] * static_cast<T>(rows[0][i]);
#pragma GCC unroll 4
    for (int k = 1; k < N; ++k) sum += weights[k] * static_cast<T>(rows[k][i]);
    out[i] = Add ? out[i] + sum : sum;
  }
}
template <class S, class T>
__attribute__((noinline)) void add_group(const S* const* rows, const T* weights, int count, bool add,
                                         int64_t n, T* out) {
  with_rows<kGroup>(
      count, [&]<int N>() __attribute__((always_inline)) {
        add ? add_rows<N, true>(rows, weights, n, out) : add_rows<N, false>(rows, weights, n, out);
      });
}

// The input rows that output row r is made of, added up in `row`; or the input row itself, where it is one.
template <class S, class T>
const T* combined_row(const S* x, const ResampleAxis<T>* axes, int64_t width, int64_t r, T* row, T* scratch) {
  const ResampleAxis<T>&depth = axes[0], &height = axes[1];
  const int64_t d = r / height.out, h = r % height.out;
  const int64_t count = depth.count[d] * height.count[h];
  const T* down = depth.weight + d * depth.taps;
  const T* across = height.weight + h * height.taps;
  const S* first = x + (depth.first[d] * height.in + height.first[h]) * width;
  if (count == 0) {
    for (int64_t i = 0; i < width; ++i) row[i] = 0;
    return row;
  }
  if (count == 1 && down[0] * across[0] == T(1)) {
    if constexpr (std::is_same_v<S, T>) return first;
    widen_row(first, width, row);
    return row;
  }
  using R = std::conditional_t<kIs16Bit<S>, T, S>;  // what is added up
  const R* rows[kGroup];
  T weights[kGroup];
  int held = 0;
  bool add = false;
  for (int64_t i = 0; i < depth.count[d]; ++i)
    for (int64_t j = 0; j < height.count[h]; ++j) {
      const S* from = first + (i * height.in + j) * width;
      weights[held] = down[i] * across[j];
      if constexpr (kIs16Bit<S>) {
        widen_row(from, width, scratch + held * width);
        rows[held] = scratch + held * width;
      } else {
        rows[held] = from;
      }
      if (++held < kGroup) continue;
      add_group(rows, weights, held, add, width, row);
      add = true;
      held = 0;
    }
  if (held > 0) add_group(rows, weights, held, add, width, row);
  return row;
}

// ---- along the width

// y[o] = x[first[o]], each of `inner` elements
template <class S>
PLAIT_INLINE void pick(const S* x, const int64_t* first, int64_t out, int64_t inner, S* y) {
  if (inner == 1) {
    for (int64_t o = 0; o < out; ++o) y[o] = x[first[o]];
  } else {
    for (int64_t o = 0; o < out; ++o)
      for (int64_t c = 0; c < inner; ++c) y[o * inner + c] = x[first[o] * inner + c];
  }
}

// One row, by vectors of neighbouring channels.
template <class T>
void sum_channels(const T* row, const ResampleAxis<T>& axis, int64_t inner, T* y) {
  for (int64_t o = 0; o < axis.out; ++o, y += inner) {
    const T* weights = axis.weight + o * axis.taps;
    const T* from = row + axis.first[o] * inner;
    const int64_t count = axis.count[o];
    int64_t c = 0;
    for (; c + kLanes<T> <= inner; c += kLanes<T>) {
      Vec<T> sum = {};
      for (int64_t k = 0; k < count; ++k) sum += load_vector(from + k * inner + c) * weights[k];
      store_vector(y + c, sum);
    }
    for (; c < inner; ++c) {
      T sum = 0;
      for (int64_t k = 0; k < count; ++k) sum += from[k * inner + c] * weights[k];
      y[c] = sum;
    }
  }
}

// As many rows at once as a vector has lanes; `tile` is (position, row) both before and behind.
template <class T>
void sum_lanes_of_rows(const T* tile, const ResampleAxis<T>& axis, int64_t inner, T* to) {
  const int64_t step = inner * kLanes<T>;
  for (int64_t o = 0; o < axis.out; ++o) {
    const T* weights = axis.weight + o * axis.taps;
    const int64_t count = axis.count[o];
    const T* from = tile + axis.first[o] * step;
    for (int64_t c = 0; c < step; c += kLanes<T>, to += kLanes<T>) {
      Vec<T> sum = {};
      for (int64_t k = 0; k < count; ++k) sum += load_vector(from + k * step + c) * weights[k];
      store_vector(to, sum);
    }
  }
}

template <class From, class To, class T>
void run(const void* x_, const ResampleAxis<T>* axes, int64_t inner, int64_t begin, int64_t end, T* memory,
         void* y_) {
  constexpr int64_t kRows = kLanes<T>;
  const From* x = static_cast<const From*>(x_);
  To* y = static_cast<To*>(y_);
  const ResampleAxis<T>& axis = axes[2];
  const int64_t width = axis.in * inner, to = axis.out * inner;
  if constexpr (std::is_same_v<From, To>) {
    if (axes[0].plain && axes[1].plain && axis.plain) {  // elements are moved
      const From* last = nullptr;
      for (int64_t r = begin; r < end; ++r) {
        const int64_t d = r / axes[1].out, h = r % axes[1].out;
        const From* from = x + (axes[0].first[d] * axes[1].in + axes[1].first[h]) * width;
        if (from == last || axis.same)
          __builtin_memcpy(y + r * to, from == last ? y + (r - 1) * to : from,
                           static_cast<size_t>(to) * sizeof(To));
        else
          pick(from, axis.first, axis.out, inner, y + r * to);
        last = from;
      }
      return;
    }
  }
  T *rows = memory, *scratch = rows + kRows * width, *tile = scratch + kGroup * width,
    *sums = tile + kRows * width, *lines = sums + kRows * to;
  for (int64_t r = begin; r < end;) {
    if (axis.plain || inner >= kLanes<T>) {
      const T* row = combined_row(x, axes, width, r, rows, scratch);
      if (!axis.same) {
        axis.plain ? pick(row, axis.first, axis.out, inner, lines) : sum_channels(row, axis, inner, lines);
        row = lines;
      }
      narrow_row(row, to, y + r * to);
      ++r;
      continue;
    }
    const int64_t n = end - r < kRows ? end - r : kRows;
    for (int64_t i = 0; i < n; ++i) {
      T* own = rows + i * width;
      const T* row = combined_row(x, axes, width, r + i, own, scratch);
      if (row != own) __builtin_memcpy(own, row, static_cast<size_t>(width) * sizeof(T));
    }
    for (int64_t i = n * width; i < kRows * width; ++i) rows[i] = 0;
    transpose_tile<Beyond::Nothing>(rows, width, kRows, width, tile, kRows);
    sum_lanes_of_rows(tile, axis, inner, sums);
    if constexpr (std::is_same_v<To, T>) {
      transpose_tile<Beyond::Nothing>(sums, kRows, to, n, y + r * to, to);
    } else {
      transpose_tile<Beyond::Nothing>(sums, kRows, to, n, lines, to);
      for (int64_t i = 0; i < n; ++i) narrow_row(lines + i * to, to, y + (r + i) * to);
    }
    r += n;
  }
}

template <class S, class T>
constexpr ResampleKernels<T> kKernels = {run<S, S, T>, run<S, T, T>, run<T, S, T>};

}  // namespace

namespace PLAIT_ISA {
extern constinit const ResampleTable resample_table = {kKernels<uint8_t, float>, kKernels<Half, float>,
                                                       kKernels<BFloat16, float>, kKernels<float, float>,
                                                       kKernels<double, double>};
}

}  // namespace plait::cpu
