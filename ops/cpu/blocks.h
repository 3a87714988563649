// Inner loops for functions that deserve vector code, but one copy of it per compute type only: arguments
// that are strided, repeated or of 16 bits are gathered, a block at a time, into buffers that stay in the
// first-level cache. For *.isa.cpp files; everything here has internal linkage.
//
//   row<Explog::Exp>(table, Floats{}, [](auto x) { return vec::exp(x); });
//
// The function is called with values of the compute type. It may also be a struct with `in_range`, `fast` and
// `slow` (vecmath/map.h), or a template over the compute type that is made from the loop's Params (`row_of`).
#pragma once

#include "core/half_blocks.h"
#include "ops/cpu/loops.h"
#include "ops/cpu/pairs.h"
#include "ops/cpu/pointwise.h"
#include "ops/cpu/vecmath/map.h"

namespace plait::cpu {
namespace {

constexpr int64_t kBlock = 512;

template <class... T>
struct Types {};
using Floats = Types<Half, BFloat16, float, double>;
using Ints = Types<uint8_t, int8_t, int16_t, int32_t, int64_t>;
using BoolInts = Types<bool, uint8_t, int8_t, int16_t, int32_t, int64_t>;
using Reals = Types<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double>;
using RealNumbers = Types<uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double>;
using Complexes = Types<complex64, complex128>;

// Parameter i of a loop, as T.
template <class T>
PLAIT_INLINE T param(const void* params, int i) {
  const auto& p = *static_cast<const Params*>(params);
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(p.integer[i]);
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(p.real[i]);
  else
    return T(static_cast<typename T::value_type>(p.real[i]), static_cast<typename T::value_type>(p.imag[i]));
}

// y = f(a...), all contiguous; y may be one of the arguments.
template <class F, class R, class... A>
__attribute__((noinline, flatten)) void flat_loop(F f, R* y, int64_t n, const A*... a) {
  if constexpr (requires(A... x) { f.in_range(x...); }) {
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

// n elements of an argument in their compute type: where they are, or in the buffer.
template <class T, class C>
PLAIT_INLINE const C* gather(const char* from, int64_t stride, C* buffer, int64_t n) {
  if constexpr (std::is_same_v<T, C>)
    if (stride == sizeof(T)) return reinterpret_cast<const C*>(from);
  if (stride == 0) return buffer;  // filled before
  if constexpr (std::is_same_v<T, Half>) {
    if (stride == sizeof(T)) {
      half_to_float(reinterpret_cast<const Half*>(from), buffer, n);
      return buffer;
    }
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    if (stride == sizeof(T)) {
      for (int64_t i = 0; i < n; ++i) buffer[i] = reinterpret_cast<const BFloat16*>(from)[i];
      return buffer;
    }
  }
  for (int64_t i = 0; i < n; ++i) buffer[i] = static_cast<C>(*reinterpret_cast<const T*>(from + i * stride));
  return buffer;
}

template <class T, class C>
PLAIT_INLINE void repeat(const char* from, int64_t stride, C* buffer, int64_t n) {
  if (stride != 0) return;
  const C value = static_cast<C>(*reinterpret_cast<const T*>(from));
  for (int64_t i = 0; i < n; ++i) buffer[i] = value;
}

template <class R, class C>
PLAIT_INLINE void scatter(const C* buffer, char* to, int64_t stride, int64_t n) {
  if (stride == sizeof(R)) {
    if constexpr (std::is_same_v<R, Half>) {
      float_to_half(buffer, reinterpret_cast<Half*>(to), n);
    } else {
      for (int64_t i = 0; i < n; ++i) reinterpret_cast<R*>(to)[i] = static_cast<R>(buffer[i]);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) *reinterpret_cast<R*>(to + i * stride) = static_cast<R>(buffer[i]);
}

template <class F, class R, class... A, size_t... I>
PLAIT_INLINE void blocked_loop(char* const* data, const int64_t* strides, int64_t n, const void* params,
                               std::index_sequence<I...>) {
  using C = compute_t<R>;
  const F f = make_functor<F>(params);
  if constexpr (std::is_same_v<R, C> && (std::is_same_v<A, compute_t<A>> && ...)) {
    if (strides[0] == sizeof(R) && ((strides[I + 1] == sizeof(A)) && ...)) {
      flat_loop<F, R, A...>(f, reinterpret_cast<R*>(data[0]), n, reinterpret_cast<const A*>(data[I + 1])...);
      return;
    }
  }
  Slots<std::index_sequence<I...>, compute_t<A>...> slots;
  alignas(64) C result[kBlock];
  (repeat<A>(data[I + 1], strides[I + 1], static_cast<Slot<I, compute_t<A>>&>(slots).values,
             n < kBlock ? n : kBlock),
   ...);
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t m = n - begin < kBlock ? n - begin : kBlock;
    char* out = data[0] + begin * strides[0];
    C* y = result;
    if constexpr (std::is_same_v<R, C>)
      if (strides[0] == sizeof(R)) y = reinterpret_cast<R*>(out);
    flat_loop<F, C, compute_t<A>...>(f, y, m,
                                     gather<A>(data[I + 1] + begin * strides[I + 1], strides[I + 1],
                                               static_cast<Slot<I, compute_t<A>>&>(slots).values, m)...);
    if (y == result) scatter<R>(result, out, strides[0], m);
  }
}

// The loop of function F with results of type R and arguments A...
template <class F, class R, class... A>
void blocked(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  blocked_loop<F, R, A...>(data, strides, n, params, std::index_sequence_for<A...>());
}

template <class T>
inline constexpr bool is_complex_type = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

// The loop of a function that is cheap. Complex numbers come as pairs; Half is converted a block at a time,
// since compilers have no vector code for one element of it; the loops of all others have forms for repeated
// operands.
template <class F, class R, class... A>
constexpr Loop cheap() {
  if constexpr (is_complex_type<R> || (is_complex_type<A> || ...))
    return &pairs<F, R, A...>;
  else if constexpr ((std::is_same_v<R, Half> || ... || std::is_same_v<A, Half>))
    return &blocked<F, R, A...>;
  else
    return &elementwise<F, R, A...>;
}

// The row of a function in a table: its loops for the dtypes T..., arguments and result of the same one...
template <auto Function, class F, int Arity, class Table, class... T>
constexpr void set_row(Table& table, Types<T...>) {
  auto& loops = table.loops[static_cast<int>(Function)];
  if constexpr (Arity == 1) ((loops[static_cast<int>(dtype_of<T>)] = &blocked<F, T, T>), ...);
  if constexpr (Arity == 2) ((loops[static_cast<int>(dtype_of<T>)] = &blocked<F, T, T, T>), ...);
  if constexpr (Arity == 3) ((loops[static_cast<int>(dtype_of<T>)] = &blocked<F, T, T, T, T>), ...);
}
template <auto Function, int Arity = 1, class Table, class List, class F>
constexpr void row(Table& table, List types, F) {
  set_row<Function, F, Arity>(table, types);
}
// ... or of a cheap function of two...
template <auto Function, class R = void, class Table, class... T, class F>
constexpr void cheap_row(Table& table, Types<T...>, F) {
  const auto loop = []<class A>() {
    using Element = std::conditional_t<std::is_same_v<A, bool>, uint8_t, A>;  // bytes are vector elements
    return cheap<F, std::conditional_t<std::is_void_v<R>, Element, R>, Element, Element>();
  };
  auto& loops = table.loops[static_cast<int>(Function)];
  ((loops[static_cast<int>(dtype_of<T>)] = loop.template operator()<T>()), ...);
}
// ... or of a function that is a template over the compute type, made from the Params...
template <auto Function, template <class> class F, int Arity = 1, class Table, class... T>
constexpr void row_of(Table& table, Types<T...>) {
  (set_row<Function, F<compute_t<T>>, Arity>(table, Types<T>{}), ...);
}
// ... or with a result of type R.
template <auto Function, class R, int Arity = 1, class Table, class... T, class F>
constexpr void row_to(Table& table, Types<T...>, F) {
  auto& loops = table.loops[static_cast<int>(Function)];
  if constexpr (Arity == 1) ((loops[static_cast<int>(dtype_of<T>)] = &blocked<F, R, T>), ...);
  if constexpr (Arity == 2) ((loops[static_cast<int>(dtype_of<T>)] = &blocked<F, R, T, T>), ...);
}

}  // namespace
}  // namespace plait::cpu
