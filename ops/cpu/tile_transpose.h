// Transposition by squares of 16-byte vectors. For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include <cstdint>

#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <class T>
struct Quad {
  typedef T type __attribute__((vector_size(16)));
};

template <class T>
PLAIT_INLINE typename Quad<T>::type load_quad(const T* from) {
  typename Quad<T>::type v;
  __builtin_memcpy(&v, from, sizeof(v));
  return v;
}
template <class T>
PLAIT_INLINE void store_quad(T* to, typename Quad<T>::type v) {
  __builtin_memcpy(to, &v, sizeof(v));
}

// Squares of 16 bytes a side.
template <class T>
inline constexpr int64_t kSquare = 16 / static_cast<int64_t>(sizeof(T));

PLAIT_INLINE void transpose_square(Quad<float>::type (&v)[4]) {
  const auto ab = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5),
             cd = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5),
             ba = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7),
             dc = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
  v[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  v[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  v[2] = __builtin_shufflevector(ba, dc, 0, 1, 4, 5);
  v[3] = __builtin_shufflevector(ba, dc, 2, 3, 6, 7);
}
PLAIT_INLINE void transpose_square(Quad<double>::type (&v)[2]) {
  const auto a = v[0], b = v[1];
  v[0] = __builtin_shufflevector(a, b, 0, 2);
  v[1] = __builtin_shufflevector(a, b, 1, 3);
}

// What a transposition may do beyond its edges.
enum class Beyond {
  Nothing,
  Fill,  // rows of `to` are as long as whole vectors: they end with zeros
  Read   // rows of `from` are as long as whole vectors
};

// to[j * to_pitch + i] = from[i * from_pitch + j] for i < rows and j < columns. What a cache line of `from`
// holds is used at once: rows that lie a power of two apart push each other out of the cache.
template <Beyond Edge, class T>
void transpose_tile(const T* from, int64_t from_pitch, int64_t rows, int64_t columns, T* to,
                    int64_t to_pitch) {
  constexpr int64_t kSide = kSquare<T>, kLine = 64 / sizeof(T);
  const auto up = [](int64_t n) { return (n + kSide - 1) / kSide * kSide; };
  const int64_t whole_rows = Edge == Beyond::Fill ? up(rows) : rows / kSide * kSide,
                whole_columns = Edge == Beyond::Read ? up(columns) : columns / kSide * kSide;
  for (int64_t j0 = 0; j0 < whole_columns; j0 += kLine) {
    const int64_t end = whole_columns - j0 < kLine ? whole_columns : j0 + kLine;
    for (int64_t i = 0; i < whole_rows; i += kSide)
      for (int64_t j = j0; j < end; j += kSide) {
        typename Quad<T>::type square[kSide] = {};
#pragma GCC unroll 4
        for (int64_t k = 0; k < kSide; ++k)
          if (Edge != Beyond::Fill || i + k < rows) square[k] = load_quad(from + (i + k) * from_pitch + j);
        transpose_square(square);
#pragma GCC unroll 4
        for (int64_t k = 0; k < kSide; ++k)
          if (Edge != Beyond::Read || j + k < columns) store_quad(to + (j + k) * to_pitch + i, square[k]);
      }
  }
  for (int64_t i = whole_rows; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * to_pitch + i] = from[i * from_pitch + j];
  for (int64_t j = whole_columns; j < columns; ++j) {
    for (int64_t i = 0; i < whole_rows && i < rows; ++i) to[j * to_pitch + i] = from[i * from_pitch + j];
    for (int64_t i = rows; i < whole_rows; ++i) to[j * to_pitch + i] = 0;
  }
}

}  // namespace
}  // namespace plait::cpu
