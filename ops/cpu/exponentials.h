// Exponentials of a row and their sum, for softmax and what is made of it. For *.isa.cpp files; everything
// here has internal linkage.
#pragma once

#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

constexpr int64_t kPiece = 1024;  // elements that are summed while the first-level cache has them

// y = exp(x - shift) and their sum; a null y keeps nothing. `Below` says that no x is larger than the shift.
// Two loops, since one would be neither good vector code for the exponential nor have independent sums.
template <bool Below, class T>
PLAIT_INLINE T exponentials(const T* x, int64_t n, T shift, T* y) {
  alignas(64) T buffer[kPiece];
  T sum = 0;
  for (int64_t begin = 0; begin < n; begin += kPiece) {
    const int64_t m = n - begin < kPiece ? n - begin : kPiece;
    const T* from = x + begin;
    T* to = y ? y + begin : buffer;
#pragma GCC ivdep
    for (int64_t i = 0; i < m; ++i) {
      if constexpr (Below)
        to[i] = vec::exp_negative(vec::at_least(from[i] - shift, vec::kExpNegativeMin<T>));
      else
        to[i] = vec::exp(from[i] - shift);
    }
    sum += row_sum(to, m);
  }
  return sum;
}

}  // namespace
}  // namespace plait::cpu
