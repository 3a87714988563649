// Inner loops from a function of elements: "write the lambda, get broadcasting, strides, dtypes, threads,
// vectorisation". For use in *.isa.cpp files only; everything here has internal linkage.
//
//   struct Add { template <class T> T operator()(T a, T b) const { return a + b; } };
//   constexpr Loop add_f32 = elementwise<Add, float, float, float>;   // functor, result, arguments
//
// The functor is called with values of the compute type (float for the 16-bit floats) and made from the
// loop's params where it has a constructor from `const void*`.
#pragma once

#include <type_traits>
#include <utility>

#include "core/dtype.h"
#include "core/strided_iter.h"

namespace plait::cpu {
namespace {

template <class F>
__attribute__((always_inline)) inline F make_functor(const void* params) {
  if constexpr (std::is_constructible_v<F, const void*>)
    return F(params);
  else
    return F{};
}

template <class T>
__attribute__((always_inline)) inline compute_t<T> load(const char* from) {
  return static_cast<compute_t<T>>(*reinterpret_cast<const T*>(from));
}
template <class T, class V>
__attribute__((always_inline)) inline void store(char* to, V value) {
  *reinterpret_cast<T*>(to) = static_cast<T>(value);
}

template <class F, class R, class A>
void unary_loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const F f = make_functor<F>(params);
  char* out = data[0];
  const char* a = data[1];
  const int64_t so = strides[0], sa = strides[1];
  if (so == sizeof(R) && sa == sizeof(A)) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) store<R>(out + i * sizeof(R), f(load<A>(a + i * sizeof(A))));
  } else if (so == sizeof(R) && sa == 0) {
    const R value = static_cast<R>(f(load<A>(a)));
    for (int64_t i = 0; i < n; ++i) *reinterpret_cast<R*>(out + i * sizeof(R)) = value;
  } else {
    for (int64_t i = 0; i < n; ++i) store<R>(out + i * so, f(load<A>(a + i * sa)));
  }
}

template <class F, class R, class A, class B>
void binary_loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const F f = make_functor<F>(params);
  char* out = data[0];
  const char *a = data[1], *b = data[2];
  const int64_t so = strides[0], sa = strides[1], sb = strides[2];
  if (so == sizeof(R) && sa == sizeof(A) && sb == sizeof(B)) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i)
      store<R>(out + i * sizeof(R), f(load<A>(a + i * sizeof(A)), load<B>(b + i * sizeof(B))));
  } else if (so == sizeof(R) && sa == sizeof(A) && sb == 0) {
    const auto y = load<B>(b);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) store<R>(out + i * sizeof(R), f(load<A>(a + i * sizeof(A)), y));
  } else if (so == sizeof(R) && sa == 0 && sb == sizeof(B)) {
    const auto x = load<A>(a);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) store<R>(out + i * sizeof(R), f(x, load<B>(b + i * sizeof(B))));
  } else {
    for (int64_t i = 0; i < n; ++i) store<R>(out + i * so, f(load<A>(a + i * sa), load<B>(b + i * sb)));
  }
}

template <class F, class R, class... A, size_t... I>
__attribute__((always_inline)) inline void many_loop(char* const* data, const int64_t* strides, int64_t n,
                                                     const void* params, std::index_sequence<I...>) {
  const F f = make_functor<F>(params);
  const bool flat = strides[0] == sizeof(R) && ((strides[I + 1] == sizeof(A)) && ...);
  if (flat) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i)
      store<R>(data[0] + i * sizeof(R), f(load<A>(data[I + 1] + i * sizeof(A))...));
  } else {
    for (int64_t i = 0; i < n; ++i)
      store<R>(data[0] + i * strides[0], f(load<A>(data[I + 1] + i * strides[I + 1])...));
  }
}

// The loop of functor F with results of type R and arguments A...
template <class F, class R, class... A>
void elementwise(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  if constexpr (sizeof...(A) == 1)
    unary_loop<F, R, A...>(data, strides, n, params);
  else if constexpr (sizeof...(A) == 2)
    binary_loop<F, R, A...>(data, strides, n, params);
  else
    many_loop<F, R, A...>(data, strides, n, params, std::index_sequence_for<A...>());
}

}  // namespace
}  // namespace plait::cpu
