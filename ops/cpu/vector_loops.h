// Loops over contiguous elements by vectors, in several independent chains, since it is the latency of sums
// that bounds them otherwise. For *.isa.cpp files; everything here has internal linkage.
#pragma once

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "ops/cpu/gemm_tile.h"

namespace plait::cpu {
namespace {

constexpr int kUnroll = 4;

// A sum in chains, and its total.
template <class T>
struct ChainedSum {
  Vec<T> chains[kUnroll] = {};
  T rest = 0;
  PLAIT_INLINE T total() const {
    return sum_lanes<T>((chains[0] + chains[1]) + (chains[2] + chains[3])) + rest;
  }
};

// Calls vector(i, k) for whole vectors, k the number of a chain, and element(i) for the rest.
template <class T, class V, class E>
PLAIT_INLINE void over_vectors(int64_t n, const V& vector, const E& element) {
  constexpr int64_t kWidth = kLanes<T>;
  int64_t i = 0;
  for (; i + kUnroll * kWidth <= n; i += kUnroll * kWidth) {
#pragma GCC unroll 4
    for (int k = 0; k < kUnroll; ++k) vector(i + k * kWidth, k);
  }
  for (; i + kWidth <= n; i += kWidth) vector(i, 0);
  for (; i < n; ++i) element(i);
}

// A vector, or a number, from memory; and back. With them one generic lambda serves vectors and the rest:
//   over_values<T>(n, [&](auto at) { at.store(y, at.load(x) * at.splat(a)); });
template <class T>
struct VectorAt {
  int64_t i;
  int chain;
  PLAIT_INLINE Vec<T> load(const T* from) const { return load_vector(from + i); }
  PLAIT_INLINE void store(T* to, Vec<T> v) const { store_vector(to + i, v); }
  PLAIT_INLINE Vec<T> splat(T value) const { return Vec<T>{} + value; }
  PLAIT_INLINE void add(ChainedSum<T>& sum, Vec<T> v) const { sum.chains[chain] += v; }
};
template <class T>
struct ElementAt {
  int64_t i;
  PLAIT_INLINE T load(const T* from) const { return from[i]; }
  PLAIT_INLINE void store(T* to, T v) const { to[i] = v; }
  PLAIT_INLINE T splat(T value) const { return value; }
  PLAIT_INLINE void add(ChainedSum<T>& sum, T v) const { sum.rest += v; }
};
template <class T, class F>
PLAIT_INLINE void over_values(int64_t n, const F& f) {
  over_vectors<T>(
      n,
      [&](int64_t i, int k) __attribute__((always_inline)) {
        f(VectorAt<T>{i, k});
      },
      [&](int64_t i) __attribute__((always_inline)) { f(ElementAt<T>{i}); });
}

// The largest of n > 0 elements; a NaN counts where it is the first of them.
template <class T>
PLAIT_INLINE T row_max(const T* x, int64_t n) {
  T most = x[0];
  Vec<T> chains[kUnroll];
  for (Vec<T>& chain : chains) chain = splat(most);
  over_vectors<T>(
      n,
      [&](int64_t i, int k)
          __attribute__((always_inline)) { chains[k] = max_vector<T>(load_vector(x + i), chains[k]); },
      [&](int64_t i) __attribute__((always_inline)) { most = x[i] > most ? x[i] : most; });
  const T top =
      max_lanes<T>(max_vector<T>(max_vector<T>(chains[0], chains[1]), max_vector<T>(chains[2], chains[3])));
  return top > most ? top : most;
}

template <class T>
PLAIT_INLINE T row_sum(const T* x, int64_t n) {
  ChainedSum<T> sum;
  over_values<T>(
      n, [&](auto at) __attribute__((always_inline)) { at.add(sum, at.load(x)); });
  return sum.total();
}

}  // namespace
}  // namespace plait::cpu
