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

// A square of 16 bytes a side.
PLAIT_INLINE void transpose_square(const float* from, int64_t from_pitch, float* to, int64_t to_pitch) {
  const auto a = load_quad(from), b = load_quad(from + from_pitch), c = load_quad(from + 2 * from_pitch),
             d = load_quad(from + 3 * from_pitch);
  const auto ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5),
             ba = __builtin_shufflevector(a, b, 2, 6, 3, 7), dc = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store_quad(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  store_quad(to + to_pitch, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  store_quad(to + 2 * to_pitch, __builtin_shufflevector(ba, dc, 0, 1, 4, 5));
  store_quad(to + 3 * to_pitch, __builtin_shufflevector(ba, dc, 2, 3, 6, 7));
}
PLAIT_INLINE void transpose_square(const double* from, int64_t from_pitch, double* to, int64_t to_pitch) {
  const auto a = load_quad(from), b = load_quad(from + from_pitch);
  store_quad(to, __builtin_shufflevector(a, b, 0, 2));
  store_quad(to + to_pitch, __builtin_shufflevector(a, b, 1, 3));
}

// to[j * to_pitch + i] = from[i * from_pitch + j] for i < rows and j < columns. What a cache line of `from`
// holds is used at once: rows that lie a power of two apart push each other out of the cache.
template <class T>
void transpose_tile(const T* from, int64_t from_pitch, int64_t rows, int64_t columns, T* to,
                    int64_t to_pitch) {
  constexpr int64_t kSide = 16 / sizeof(T), kLine = 64 / sizeof(T);
  const int64_t whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
  for (int64_t j0 = 0; j0 < whole_columns; j0 += kLine) {
    const int64_t end = whole_columns - j0 < kLine ? whole_columns : j0 + kLine;
    for (int64_t i = 0; i < whole_rows; i += kSide)
      for (int64_t j = j0; j < end; j += kSide)
        transpose_square(from + i * from_pitch + j, from_pitch, to + j * to_pitch + i, to_pitch);
  }
  for (int64_t i = whole_rows; i < rows; ++i)
    for (int64_t j = 0; j < whole_columns; ++j) to[j * to_pitch + i] = from[i * from_pitch + j];
  for (int64_t j = whole_columns; j < columns; ++j)
    for (int64_t i = 0; i < rows; ++i) to[j * to_pitch + i] = from[i * from_pitch + j];
}

}  // namespace
}  // namespace plait::cpu
