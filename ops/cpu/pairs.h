// Inner loops over complex numbers as pairs of their parts: of such code compilers make vectors, of
// std::complex they do not. For *.isa.cpp files; everything here has internal linkage.
//
//   struct Conj { template <class T> Pair<T> operator()(Pair<T> z) const { return {z.re, -z.im}; } };
//   constexpr Loop conj = &pairs<Conj, complex64, complex64>;   // functor, result, arguments
//
// Arguments and results may also be real.
#pragma once

#include <complex>

#include "ops/cpu/loops.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <class T>
struct Pair {
  T re, im;
};

// Element i of a dense array.
template <class T>
struct Dense {
  PLAIT_INLINE static compute_t<T> get(const char* from, int64_t i) {
    return static_cast<compute_t<T>>(reinterpret_cast<const T*>(from)[i]);
  }
  template <class V>
  PLAIT_INLINE static void put(char* to, int64_t i, V value) {
    reinterpret_cast<T*>(to)[i] = static_cast<T>(value);
  }
};
template <class T>
struct Dense<std::complex<T>> {
  PLAIT_INLINE static Pair<T> get(const char* from, int64_t i) {
    const T* parts = reinterpret_cast<const T*>(from) + 2 * i;
    return {parts[0], parts[1]};
  }
  PLAIT_INLINE static void put(char* to, int64_t i, Pair<T> value) {
    T* parts = reinterpret_cast<T*>(to) + 2 * i;
    parts[0] = value.re;
    parts[1] = value.im;
  }
};

// Dense operands, but for those in the bits of Repeated, which have one element.
template <int Repeated, class F, class R, class... A, size_t... I>
PLAIT_INLINE void dense_pairs(char* const* data, int64_t n, const F& f, std::index_sequence<I...>) {
  char* const to = data[0];
  const char* const from[] = {data[I + 1]...};
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    Dense<R>::put(to, i, f(Dense<A>::get(from[I], Repeated >> I & 1 ? 0 : i)...));
}

// The loop of functor F with results of type R and one or two arguments A...
template <class F, class R, class... A>
void pairs(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const F f = make_functor<F>(params);
  constexpr std::index_sequence_for<A...> each;
  constexpr int64_t sizes[] = {sizeof(A)...};
  int repeated = 0;
  bool dense = strides[0] == sizeof(R);
  for (size_t k = 0; k < sizeof...(A); ++k) {
    if (strides[k + 1] == 0) repeated |= 1 << k;
    dense = dense && (strides[k + 1] == 0 || strides[k + 1] == sizes[k]);
  }
  if (dense && repeated == 0) return dense_pairs<0, F, R, A...>(data, n, f, each);
  if constexpr (sizeof...(A) == 2) {
    if (dense && repeated == 1) return dense_pairs<1, F, R, A...>(data, n, f, each);
    if (dense && repeated == 2) return dense_pairs<2, F, R, A...>(data, n, f, each);
  }
  [&]<size_t... I>(std::index_sequence<I...>) {
    for (int64_t i = 0; i < n; ++i)
      Dense<R>::put(data[0] + i * strides[0], 0, f(Dense<A>::get(data[I + 1] + i * strides[I + 1], 0)...));
  }
  (each);
}

}  // namespace
}  // namespace plait::cpu
