// Loops over functions that have a fast form for nearly all arguments: F::in_range, F::fast; and for the rest
// a slow one, F::slow, or one for all arguments, F::whole, which is vector code, too. A block with only fast
// arguments, which is nearly every block, runs as vector code.
#pragma once

#include <cstdint>

#include "ops/cpu/vecmath/base.h"

namespace plait::vec {
namespace {

// F::is_near and F::near: a form for floats near zero that is faster still, and needs products that are not
// rounded.
template <class F, class T>
constexpr bool kHasNear = kHasFma&& is_float<T>&& requires(const F& f, T x) {
  f.near(x);
};

// y[i] = f(x[i]); y may be x.
template <class F, class T>
PLAIT_INLINE void map_block(const T* x, T* y, int64_t n, const F& f = {}) {
  constexpr int64_t kBlock = 512;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = n - begin < kBlock ? n : begin + kBlock;
    if constexpr (kHasNear<F, T>) {
      int far = 0;
      for (int64_t i = begin; i < end; ++i) far |= f.is_near(x[i]) ? 0 : 1;
      if (far == 0) {
        for (int64_t i = begin; i < end; ++i) y[i] = f.near(x[i]);
        continue;
      }
    }
    int out_of_range = 0;
    for (int64_t i = begin; i < end; ++i) out_of_range |= f.in_range(x[i]) ? 0 : 1;
    if (__builtin_expect(out_of_range == 0, 1)) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) y[i] = f.fast(x[i]);
    } else if constexpr (requires { f.whole(x[0]); }) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) y[i] = f.whole(x[i]);
    } else {
      for (int64_t i = begin; i < end; ++i) y[i] = f.in_range(x[i]) ? f.fast(x[i]) : f.slow(x[i]);
    }
  }
}

// y[i] = f(a[i], b[i]); y may be a or b. A step of 0 repeats the first element.
template <class F, int64_t StepA = 1, int64_t StepB = 1, class T>
PLAIT_INLINE void map_block(const T* a, const T* b, T* y, int64_t n, const F& f = {}) {
  constexpr int64_t kBlock = 512;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = n - begin < kBlock ? n : begin + kBlock;
    int out_of_range = 0;
    for (int64_t i = begin; i < end; ++i) out_of_range |= f.in_range(a[i * StepA], b[i * StepB]) ? 0 : 1;
    if (__builtin_expect(out_of_range == 0, 1)) {
      for (int64_t i = begin; i < end; ++i) y[i] = f.fast(a[i * StepA], b[i * StepB]);
    } else {
      for (int64_t i = begin; i < end; ++i) {
        const T u = a[i * StepA], v = b[i * StepB];
        y[i] = f.in_range(u, v) ? f.fast(u, v) : f.slow(u, v);
      }
    }
  }
}

}  // namespace
}  // namespace plait::vec
