// Inner loops from functions of numbers: write the function, get vectors, dtypes, broadcasting. For files
// that fill tables of loops (rows.h); everything here has internal linkage.
//
//   constexpr Loop add = elementwise<Add, float, float, float>;   // function, result, arguments
//
// What a loop is given (core/strided_iter.h) is dense, or repeats one element. What the function is given are
// numbers: float for the smaller floats, a byte for a bool (bytes are vector elements, bools are not), a Pair
// for a complex number, the element itself for the rest. It may be
//
//   * anything that is called with as many numbers as there are arguments;
//   * a struct with `in_range`, `fast` and `slow` (vecmath/map.h);
//   * a struct with `block(y, n, a...)`, which fills the array y from arrays: where what is done next depends
//     on many elements;
//   * something of these that is made from the loop's params, by a constructor from `const void*`.
//
// and says what it costs:
//
//   * A function of a few instructions is compiled into a loop of its own for each dtype, and for each form
//     of two arguments of which one repeats: there, loads and conversions would be what takes time.
//   * One that is `costly`, or not simply called, or has three arguments, is compiled once for each type of
//     numbers. Other arguments are converted or repeated, a block at a time, in buffers that stay in the
//     first-level cache.
#pragma once

#include <complex>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/half_blocks.h"
#include "core/strided_copy.h"
#include "core/strided_iter.h"
#include "ops/cpu/complex_arithmetic.h"
#include "ops/cpu/vecmath/map.h"

namespace plait::cpu {
namespace {

constexpr int64_t kBlock = 512;

template <class T, class V>
PLAIT_INLINE void store(char* to, V value) {
  *reinterpret_cast<T*>(to) = static_cast<T>(value);
}

// ---- numbers

template <class T>
struct NumberOf {
  using type = compute_t<T>;
};
template <>
struct NumberOf<bool> {
  using type = uint8_t;
};
template <class T>
struct NumberOf<std::complex<T>> {
  using type = Pair<T>;
};
template <class T>
using number_t = typename NumberOf<T>::type;

// An argument that is one element for all: one of the two forms is all that its loop needs.
template <class T>
struct One {};
template <class T>
struct NumberOf<One<T>> : NumberOf<T> {};
template <class T>
struct ElementOf {
  using type = T;
  static constexpr bool kOne = false;
};
template <class T>
struct ElementOf<One<T>> {
  using type = T;
  static constexpr bool kOne = true;
};
template <class T>
using element_t = typename ElementOf<T>::type;

// Is an element the number that is computed with?
template <class T>
constexpr bool kIsNumber = std::is_same_v<T, compute_t<T>>;

// Element i of a dense array.
template <class T>
PLAIT_INLINE number_t<T> get(const char* from, int64_t i) {
  using Number = number_t<T>;
  if constexpr (!kIsNumber<T>) {
    return static_cast<Number>(reinterpret_cast<const T*>(from)[i]);
  } else if constexpr (requires(Number z) { z.re; }) {
    const auto* parts = reinterpret_cast<const decltype(Number::re)*>(from) + 2 * i;
    return {parts[0], parts[1]};
  } else {
    return reinterpret_cast<const Number*>(from)[i];
  }
}
template <class T, class V>
PLAIT_INLINE void put(char* to, int64_t i, V value) {
  using Number = number_t<T>;
  if constexpr (!kIsNumber<T>) {
    reinterpret_cast<T*>(to)[i] = static_cast<T>(value);
  } else if constexpr (requires { value.re; }) {
    auto* parts = reinterpret_cast<decltype(Number::re)*>(to) + 2 * i;
    parts[0] = value.re;
    parts[1] = value.im;
  } else {
    reinterpret_cast<Number*>(to)[i] = static_cast<Number>(value);
  }
}

// ---- functions

template <class F>
struct Costly : F {
  static constexpr bool kCostly = true;
};
template <class F>
constexpr Costly<F> costly(F f) {
  return {f};
}

template <class F, class... Number>
constexpr bool kHasRange = requires(const F& f, Number... x) {
  f.in_range(x...);
};
template <class F, class R, class... Number>
constexpr bool kHasBlock = requires(const F& f, R* y, const Number*... x) {
  f.block(y, int64_t{1}, x...);
};

template <class F>
PLAIT_INLINE F make_function([[maybe_unused]] const void* params) {
  if constexpr (std::is_constructible_v<F, const void*>)
    return F(params);
  else
    return F{};
}

// ---- loops of cheap functions

template <class T, bool Repeated>
struct Argument {
  PLAIT_INLINE explicit Argument(const char* at) : from(at) {}
  PLAIT_INLINE number_t<T> operator[](int64_t i) const { return get<T>(from, i); }
  const char* from;
};
template <class T>
struct Argument<T, true> {
  PLAIT_INLINE explicit Argument(const char* at) : value(get<T>(at, 0)) {}
  PLAIT_INLINE number_t<T> operator[](int64_t) const { return value; }
  number_t<T> value;
};

template <class R, class F, class... Arguments>
PLAIT_INLINE void each(const F& f, char* to, int64_t n, const Arguments... a) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) put<R>(to, i, f(a[i]...));
}

#ifdef __F16C__
constexpr bool kHalfVectors = true;
#else
constexpr bool kHalfVectors = false;  // converted by a long sequence: of which there should be one
#endif

// Compilers have vector instructions for arrays of halves, but make none of single ones. So loops with halves
// go by chunks, which the compiler unrolls, and finds that the arrays in between are registers.
constexpr int64_t kChunk = 32;

template <class A>
struct Chunk;
template <class T>
struct Chunk<Argument<T, true>> : Argument<T, true> {
  PLAIT_INLINE Chunk(const Argument<T, true>& a, int64_t, int64_t) : Argument<T, true>(a) {}
};
template <class T>
struct Chunk<Argument<T, false>> {
  PLAIT_INLINE Chunk(const Argument<T, false>& a, int64_t begin, int64_t n) {
    T rest[kChunk];
    const T* from = reinterpret_cast<const T*>(a.from) + begin;
    if (n < kChunk) {
      for (int64_t i = 0; i < kChunk; ++i) rest[i] = T{};
      for (int64_t i = 0; i < n; ++i) rest[i] = from[i];
      from = rest;
    }
    if constexpr (std::is_same_v<T, Half>)
      half_to_float(from, values, kChunk);
    else
      for (int64_t i = 0; i < kChunk; ++i) values[i] = get<T>(reinterpret_cast<const char*>(from), i);
  }
  PLAIT_INLINE number_t<T> operator[](int64_t i) const { return values[i]; }
  alignas(64) number_t<T> values[kChunk];
};

template <class R, class F, class... Chunks>
PLAIT_INLINE void one_chunk(const F& f, char* to, int64_t n, const Chunks&... a) {
  R rest[kChunk];
  R* results = n < kChunk ? rest : reinterpret_cast<R*>(to);
  if constexpr (std::is_same_v<R, Half>) {
    alignas(64) float values[kChunk];
    for (int64_t i = 0; i < kChunk; ++i) values[i] = f(a[i]...);
    float_to_half(values, results, kChunk);
  } else {
    for (int64_t i = 0; i < kChunk; ++i) put<R>(reinterpret_cast<char*>(results), i, f(a[i]...));
  }
  if (n < kChunk)
    for (int64_t i = 0; i < n; ++i) reinterpret_cast<R*>(to)[i] = rest[i];
}
template <class R, class F, class... Arguments>
PLAIT_INLINE void each_by_chunks(const F& f, char* to, int64_t n, const Arguments... a) {
  for (int64_t begin = 0; begin < n; begin += kChunk) {
    const int64_t m = n - begin < kChunk ? n - begin : kChunk;
    one_chunk<R>(f, to + begin * static_cast<int64_t>(sizeof(R)), m, Chunk<Arguments>(a, begin, m)...);
  }
}

// The form of a loop in which the arguments in the bits of Repeated are.
template <int Repeated, class F, class R, class... A, size_t... I>
PLAIT_INLINE void form(const F& f, char* const* data, int64_t n, std::index_sequence<I...>) {
  if constexpr ((std::is_same_v<R, Half> || ... || std::is_same_v<A, Half>))
    each_by_chunks<R>(f, data[0], n, Argument<A, (Repeated >> I & 1) != 0>(data[I + 1])...);
  else
    each<R>(f, data[0], n, Argument<A, (Repeated >> I & 1) != 0>(data[I + 1])...);
}

template <class F, class R, class... A>
PLAIT_INLINE void direct(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  constexpr int kCount = sizeof...(A), kAll = (1 << kCount) - 1;
  constexpr bool kOne[] = {ElementOf<A>::kOne...};
  constexpr int kOnes = [&] {
    int bits = 0;
    for (int k = 0; k < kCount; ++k) bits |= kOne[k] << k;
    return bits;
  }();
  constexpr std::index_sequence_for<A...> index;
  const F f = make_function<F>(params);
  int repeated = kOnes;
  for (int k = 0; k < kCount; ++k) repeated |= (strides[k + 1] == 0) << k;
  if constexpr (kCount == 2 && kOnes == 0) {
    if (repeated == 1) return form<1, F, R, element_t<A>...>(f, data, n, index);
    if (repeated == 2) return form<2, F, R, element_t<A>...>(f, data, n, index);
  }
  const int64_t different = repeated == kAll ? 1 : n;
  form<kOnes, F, R, element_t<A>...>(f, data, different, index);
  if (different < n) strided_copy(sizeof(R))(data[0], sizeof(R), data[0], 0, n);
}

// ---- loops of costly functions

// y = f(a...), all contiguous; y may be one of the arguments.
template <class F, class R, class... A>
__attribute__((noinline, flatten)) void flat(F f, R* y, int64_t n, const A*... a) {
  if constexpr (kHasBlock<F, R, A...>) {
    f.block(y, n, a...);
  } else if constexpr (kHasRange<F, A...>) {
    vec::map_block<F>(a..., y, n, f);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<R>(f(a[i]...));
  }
}

template <size_t I, class T>
struct Slot {
  alignas(64) T values[kBlock];
};
template <class Seq, class... T>
struct Slots;
template <size_t... I, class... T>
struct Slots<std::index_sequence<I...>, T...> : Slot<I, T>... {};

// n elements of an argument as numbers: where they are, or in the buffer.
template <class T>
PLAIT_INLINE const number_t<T>* fetch(const char* from, bool repeated, number_t<T>* buffer, int64_t n) {
  if (repeated) return buffer;  // filled before
  if constexpr (kIsNumber<T>)
    return reinterpret_cast<const number_t<T>*>(from);
  else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
    to_float(reinterpret_cast<const T*>(from), buffer, n);
  else
    for (int64_t i = 0; i < n; ++i) buffer[i] = get<T>(from, i);
  return buffer;
}
template <class T>
PLAIT_INLINE void fill(const char* from, bool repeated, number_t<T>* buffer, int64_t n) {
  if (!repeated) return;
  const number_t<T> value = get<T>(from, 0);
  for (int64_t i = 0; i < n; ++i) buffer[i] = value;
}

template <class F, class R, class... A, size_t... I>
PLAIT_INLINE void by_blocks(char* const* data, const int64_t* strides, int64_t n, const void* params,
                            std::index_sequence<I...>) {
  using Result = number_t<R>;
  const F f = make_function<F>(params);
  const bool repeated[] = {(ElementOf<A>::kOne || strides[I + 1] == 0)...};
  if constexpr (kIsNumber<R> && (kIsNumber<A> && ...))
    if (!(repeated[I] || ...))
      return flat<F, Result, number_t<A>...>(f, reinterpret_cast<Result*>(data[0]), n,
                                             reinterpret_cast<const number_t<A>*>(data[I + 1])...);
  Slots<std::index_sequence<I...>, number_t<A>...> slots;
  alignas(64) Result results[kBlock];
  (fill<element_t<A>>(data[I + 1], repeated[I], static_cast<Slot<I, number_t<A>>&>(slots).values,
                      n < kBlock ? n : kBlock),
   ...);
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t m = n - begin < kBlock ? n - begin : kBlock;
    char* to = data[0] + begin * static_cast<int64_t>(sizeof(R));
    Result* y = results;
    if constexpr (kIsNumber<R>) y = reinterpret_cast<Result*>(to);
    flat<F, Result, number_t<A>...>(
        f, y, m,
        fetch<element_t<A>>(data[I + 1] + begin * static_cast<int64_t>(sizeof(element_t<A>)), repeated[I],
                            static_cast<Slot<I, number_t<A>>&>(slots).values, m)...);
    if constexpr (std::is_same_v<R, Half> || std::is_same_v<R, BFloat16>)
      from_float(y, reinterpret_cast<R*>(to), m);
    else if constexpr (!kIsNumber<R>)
      for (int64_t i = 0; i < m; ++i) put<R>(to, i, y[i]);
  }
}

// ---- the choice

template <class F, class R, class... A>
constexpr bool kByBlocks = sizeof...(A) > 2 || requires {
  F::kCostly;
}
|| kHasRange<F, number_t<A>...> || kHasBlock<F, number_t<R>, number_t<A>...> ||
    (!kHalfVectors && (std::is_same_v<R, Half> || ... || std::is_same_v<A, Half>));

// The loop of function F with results of type R and arguments A...
template <class F, class R, class... A>
void elementwise(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  if constexpr (kByBlocks<F, R, A...>)
    by_blocks<F, R, A...>(data, strides, n, params, std::index_sequence_for<A...>());
  else
    direct<F, R, A...>(data, strides, n, params);
}

}  // namespace
}  // namespace plait::cpu
