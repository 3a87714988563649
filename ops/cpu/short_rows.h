// Rows too short for vectors are computed side by side: turned into columns, a lane for each row, and back.
// For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include "plait/inline.h"

namespace plait::cpu {
namespace {

constexpr int64_t kShortRow = 16;    // elements of a row that is worth turning: fewer than this
constexpr int64_t kSideBySide = 64;  // rows that are turned at a time

// `count` rows of n elements as n rows of kSideBySide.
template <class T>
struct Turned {
  alignas(64) T columns[kShortRow * kSideBySide];

  Turned(const T* rows, int64_t count, int64_t n) {
    if (count < kSideBySide)
      for (int64_t i = 0; i < n * kSideBySide; ++i) columns[i] = 0;
    for (int64_t c = 0; c < n; ++c)
      for (int64_t r = 0; r < count; ++r) columns[c * kSideBySide + r] = rows[r * n + c];
  }
  void back(int64_t count, int64_t n, T* rows) const {
    for (int64_t c = 0; c < n; ++c)
      for (int64_t r = 0; r < count; ++r) rows[r * n + c] = columns[c * kSideBySide + r];
  }
};

// Calls f(first row, count) for all rows, kSideBySide at a time.
template <class F>
PLAIT_INLINE void over_blocks(int64_t rows, const F& f) {
  for (int64_t first = 0; first < rows; first += kSideBySide)
    f(first, rows - first < kSideBySide ? rows - first : kSideBySide);
}

}  // namespace
}  // namespace plait::cpu
