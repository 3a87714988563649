// Filling tables of loops, a function a row: its dtypes, and what it does (loops.h).
//
//   row<Unary::Floor>(table, Floats{}, [](auto x) { return vec::floor(x); });
//   row<Explog::Exp>(table, Floats{}, costly([](auto x) { return vec::exp(x); }));
//   row<Compare::Less, bool>(table, Reals{}, [](auto a, auto b) { return a < b; });   // results of that type
//   row_of<Activation::LeakyRelu, LeakyRelu>(table, Floats{});   // LeakyRelu<T>, made from the Params
//
// For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include "ops/cpu/binary.h"
#include "ops/cpu/loops.h"
#include "ops/cpu/pointwise.h"

namespace plait::cpu {
namespace {

template <class... T>
struct Types {};
using Floats = Types<Half, BFloat16, float, double>;
using Ints = Types<uint8_t, int8_t, int16_t, int32_t, int64_t>;
using Signed = Types<int8_t, int16_t, int32_t, int64_t>;
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
    return T{static_cast<decltype(T::re)>(p.real[i]), static_cast<decltype(T::im)>(p.imag[i])};
}

// Is F called with that many numbers?
template <class F, class... Number>
constexpr bool kTakes = std::is_invocable_v<const F&, Number...> || kHasRange<F, Number...> ||
                        kHasBlock<F, std::common_type_t<Number...>, Number...>;

// The loop of F for as many arguments A as it takes.
template <class F, class R, class A>
constexpr Loop loop_for() {
  using N = number_t<A>;
  if constexpr (kTakes<F, N>)
    return &elementwise<F, R, A>;
  else if constexpr (kTakes<F, N, N>)
    return &elementwise<F, R, A, A>;
  else
    return &elementwise<F, R, A, A, A>;
}

template <auto Function, class R = void, class Table, class... T, class F>
constexpr void row(Table& table, Types<T...>, F) {
  auto& loops = table.loops[static_cast<int>(Function)];
  ((loops[static_cast<int>(dtype_of<T>)] = loop_for<F, std::conditional_t<std::is_void_v<R>, T, R>, T>()),
   ...);
}
template <auto Function, template <class> class F, class Table, class... T>
constexpr void row_of(Table& table, Types<T...>) {
  auto& loops = table.loops[static_cast<int>(Function)];
  ((loops[static_cast<int>(dtype_of<T>)] = loop_for<F<number_t<T>>, T, T>()), ...);
}

// A function of the bits of the 16-bit floats.
template <auto Function, class Table, class F>
constexpr void bits_row(Table& table, F) {
  auto& loops = table.loops[static_cast<int>(Function)];
  for (const DType d : {DType::Float16, DType::BFloat16})
    loops[static_cast<int>(d)] = loop_for<F, uint16_t, uint16_t>();
}

// A function of two floats, of which one of 16 bits may meet a float32 number.
template <auto Function, class E, class F>
constexpr void number_row(NumberTable<E>& table, F f) {
  constexpr int kFunction = static_cast<int>(Function);
  row<Function>(table.same, Floats{}, f);
  table.number_right[kFunction][0] = &elementwise<F, Half, Half, One<float>>;
  table.number_right[kFunction][1] = &elementwise<F, BFloat16, BFloat16, One<float>>;
  table.number_left[kFunction][0] = &elementwise<F, Half, One<float>, Half>;
  table.number_left[kFunction][1] = &elementwise<F, BFloat16, One<float>, BFloat16>;
}

}  // namespace
}  // namespace plait::cpu
