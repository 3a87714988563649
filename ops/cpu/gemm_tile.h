// The inner piece of every matrix product: a tile of rows x vectors of the result, kept in registers while k
// runs. For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "plait/inline.h"

namespace plait::cpu {
namespace {

inline constexpr int kVectorBytes = PLAIT_ISA_LEVEL == 4 ? 64 : PLAIT_ISA_LEVEL == 3 ? 32 : 16;

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename VectorOf<T>::type;
template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

// The largest tile whose sums, with the operands beside them, fit the registers (16; 32 with AVX-512).
inline constexpr int kTileRows = PLAIT_ISA_LEVEL == 4 ? 12 : 6;
inline constexpr int kTileVectors = 2;
template <class T>
inline constexpr int kTileColumns = kTileVectors* kLanes<T>;

template <class T>
PLAIT_INLINE Vec<T> load_vector(const T* from) {
  Vec<T> v;
  __builtin_memcpy(&v, from, sizeof(v));
  return v;
}
template <class T>
PLAIT_INLINE void store_vector(T* to, Vec<T> v) {
  __builtin_memcpy(to, &v, sizeof(v));
}
template <class T>
PLAIT_INLINE Vec<T> splat(T x) {
  return x - Vec<T>{};  // folds to a broadcast; adding zero would not: it changes -0
}
template <class T>
PLAIT_INLINE Vec<T> max_vector(Vec<T> a, Vec<T> b) {
  return a > b ? a : b;
}
// Halves are joined until one lane is left: a chain of few steps.
template <int Distance, class T, class F>
PLAIT_INLINE Vec<T> join_lanes(Vec<T> v, const F& join) {
  if constexpr (Distance == 0) {
    return v;
  } else {
    const auto apart = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return __builtin_shufflevector(v, v, ((I + Distance) % kLanes<T>)...);
    };
    return join_lanes<Distance / 2, T>(join(v, apart(std::make_index_sequence<kLanes<T>>())), join);
  }
}
template <class T>
PLAIT_INLINE T sum_lanes(Vec<T> v) {
  return join_lanes<kLanes<T> / 2, T>(
      v, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a + b; })[0];
}
template <class T>
PLAIT_INLINE T max_lanes(Vec<T> v) {
  return join_lanes<kLanes<T> / 2, T>(
      v, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return max_vector<T>(a, b); })[0];
}

// sums[r][v] += the products of rows r of a (element (r, l) at a[r * a_row + l * a_column]) and columns of b
// (row l: contiguous at b + l * b_row). Strides of a that are known are std::integral_constant.
template <int Rows, int Vectors, class T, class RowStride, class ColumnStride>
PLAIT_INLINE void accumulate(Vec<T> (&sums)[Rows][Vectors], int64_t k, const T* a, RowStride a_row,
                             ColumnStride a_column, const T* b, int64_t b_row) {
#pragma GCC unroll 4
  for (int64_t l = 0; l < k; ++l) {
    Vec<T> x[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      Vec<T> y = load_vector(b + v * kLanes<T>);
      // Compilers load it again for each of a few rows, which doubles the time where it comes from afar.
      asm("" : "+v"(y));
      x[v] = y;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const Vec<T> y = splat(a[r * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[r][v] += y * x[v];
    }
    a += a_column;
    b += b_row;
  }
}

// Calls f.template operator()<Rows>() for `rows` in 1 ... Most.
template <int Most, class F>
PLAIT_INLINE void with_rows(int64_t rows, const F& f) {
  if constexpr (Most > 1) {
    if (rows < Most) return with_rows<Most - 1>(rows, f);
  }
  f.template operator()<Most>();
}

}  // namespace
}  // namespace plait::cpu
