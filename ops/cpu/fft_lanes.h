// Lanes of vectors change places: lines of a tensor become rows of vectors and rows become lines. For
// *.isa.cpp files; everything here has internal linkage.
#pragma once

#include <cstddef>
#include <utility>

#include "ops/cpu/fft_rows.h"
#include "ops/cpu/gemm_tile.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

// The blocks of D lanes of a and b at odd places of a and at even ones of b change places.
template <int D, class V, int... L>
PLAIT_INLINE void swap_blocks(V& a, V& b, std::integer_sequence<int, L...>) {
  constexpr int kWidth = sizeof...(L);
  const V low = __builtin_shufflevector(a, b, (L & D ? kWidth + L - D : L)...);
  b = __builtin_shufflevector(a, b, (L & D ? kWidth + L : L + D)...);
  a = low;
}

template <int D, class T>
PLAIT_INLINE void transpose_blocks(Vec<T> (&v)[kLanes<T>]) {
  if constexpr (D > 0) {
    using Lanes = std::make_integer_sequence<int, kLanes<T>>;
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i)
      if (!(i & D)) swap_blocks<D>(v[i], v[i + D], Lanes());
    transpose_blocks<D / 2, T>(v);
  }
}

// A square of as many vectors as a vector has lanes.
template <class T>
PLAIT_INLINE void transpose(Vec<T> (&v)[kLanes<T>]) {
  transpose_blocks<kLanes<T> / 2, T>(v);
}

template <class T, int... L>
PLAIT_INLINE void join_lanes(Vec<T>& re, Vec<T>& im, std::integer_sequence<int, L...>) {
  constexpr int kWidth = sizeof...(L);
  const Vec<T> low = __builtin_shufflevector(re, im, (L % 2 * kWidth + L / 2)...);
  im = __builtin_shufflevector(re, im, (L % 2 * kWidth + (kWidth + L) / 2)...);
  re = low;
}
template <class T, int... L>
PLAIT_INLINE void part_lanes(Vec<T>& a, Vec<T>& b, std::integer_sequence<int, L...>) {
  const Vec<T> re = __builtin_shufflevector(a, b, (2 * L)...);
  b = __builtin_shufflevector(a, b, (2 * L + 1)...);
  a = re;
}

// The first n lanes; zeros follow.
template <class T>
PLAIT_INLINE Vec<T> load_part(const T* from, int64_t n) {
  Vec<T> v = {};
  if (n >= kLanes<T>) return load_vector(from);
  __builtin_memcpy(&v, from, static_cast<size_t>(n > 0 ? n : 0) * sizeof(T));
  return v;
}
template <class T>
PLAIT_INLINE void store_part(T* to, Vec<T> v, int64_t n) {
  if (n >= kLanes<T>)
    store_vector(to, v);
  else if (n > 0)
    __builtin_memcpy(to, &v, static_cast<size_t>(n) * sizeof(T));
}

// Calls f(c) for every square of numbers c ... c + kLanes - 1 of the lines; the last may overlap another.
template <class T, class F>
PLAIT_INLINE void over_squares(int64_t numbers, const F& f) {
  int64_t c = 0;
  for (; c + kLanes<T> <= numbers; c += kLanes<T>) f(c);
  if (c < numbers) f(numbers - kLanes<T>);
}

}  // namespace
}  // namespace plait::cpu
