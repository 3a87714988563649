// What the vector maths is made of: bits of floats, multiply-add, polynomials, powers of two.
//
// Everything here and in the neighbouring headers is branch-free scalar code, always inlined, so that the
// compiler turns a loop over it into vector code of whatever width it compiles for. Choices are made by
// `select`, never by `?:`; integers have the width of the floats beside them; double code uses only the
// 64-bit integer instructions that SSE4.2 has (no arithmetic shift, no conversion). The namespace inside is
// anonymous: code compiled for AVX leaves no symbol that the linker could merge into code for older machines.
//
// The coefficients are minimax polynomials of ours, by the Remez exchange in 45-digit arithmetic with the
// weight that makes the relative error of the function itself even, then rounded; each stands with its error
// before rounding.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "plait/inline.h"

namespace plait::vec {
namespace {

template <class T>
struct Format;

template <>
struct Format<float> {
  using Int = int32_t;
  using UInt = uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr int kBias = 127;
  static constexpr UInt kSqrtHalf =
      0x3f3504f3u;  // the bits of sqrt(1/2), the lower end of a reduced mantissa
  // Added to a number below 2^22, rounds it to an integer, which then stands in the low bits.
  static constexpr float kRound = 0x1.8p23f;
  static constexpr UInt kUpperMask =
      0xfffff000u;  // half of the mantissa: products of two such numbers are exact
};

template <>
struct Format<double> {
  using Int = int64_t;
  using UInt = uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr int kBias = 1023;
  static constexpr UInt kSqrtHalf = 0x3fe6a09e667f3bcdu;
  static constexpr double kRound = 0x1.8p52;
  static constexpr UInt kUpperMask = 0xfffffffff8000000u;
};

template <class T>
using UInt = typename Format<T>::UInt;
template <class T>
inline constexpr bool is_float = std::is_same_v<T, float>;
template <class T>
inline constexpr T kInfinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();

PLAIT_INLINE uint32_t to_bits(float x) { return __builtin_bit_cast(uint32_t, x); }
PLAIT_INLINE uint64_t to_bits(double x) { return __builtin_bit_cast(uint64_t, x); }
PLAIT_INLINE float from_bits(uint32_t u) { return __builtin_bit_cast(float, u); }
PLAIT_INLINE double from_bits(uint64_t u) { return __builtin_bit_cast(double, u); }

PLAIT_INLINE float abs(float x) { return __builtin_fabsf(x); }
PLAIT_INLINE double abs(double x) { return __builtin_fabs(x); }
PLAIT_INLINE float copysign(float x, float sign) { return __builtin_copysignf(x, sign); }
PLAIT_INLINE double copysign(double x, double sign) { return __builtin_copysign(x, sign); }
PLAIT_INLINE float sqrt(float x) { return __builtin_sqrtf(x); }
PLAIT_INLINE double sqrt(double x) { return __builtin_sqrt(x); }
template <class T>
PLAIT_INLINE T rsqrt(T x) {
  return T(1) / sqrt(x);
}

// SSE4.1 has instructions for these, so they vectorise everywhere.
PLAIT_INLINE float floor(float x) { return __builtin_floorf(x); }
PLAIT_INLINE double floor(double x) { return __builtin_floor(x); }
PLAIT_INLINE float ceil(float x) { return __builtin_ceilf(x); }
PLAIT_INLINE double ceil(double x) { return __builtin_ceil(x); }
PLAIT_INLINE float trunc(float x) { return __builtin_truncf(x); }
PLAIT_INLINE double trunc(double x) { return __builtin_trunc(x); }
// To nearest, halves to even.
PLAIT_INLINE float round(float x) { return __builtin_rintf(x); }
PLAIT_INLINE double round(double x) { return __builtin_rint(x); }

// a * b + c, in one rounding where the machine has it and in two elsewhere: for code that is right either
// way.
#ifdef __FMA__
inline constexpr bool kHasFma = true;
PLAIT_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
PLAIT_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
inline constexpr bool kHasFma = false;
PLAIT_INLINE float fma(float a, float b, float c) { return a * b + c; }
PLAIT_INLINE double fma(double a, double b, double c) { return a * b + c; }
#endif

// a where the condition holds, else b. Not `?:`: that is a branch to begin with, and the compiler, before it
// gets to vectors, threads jumps through several of them ("if x > 89, then not x < -104") and computes the
// paths one by one. The masks come out as one compare and one blend.
template <class T>
PLAIT_INLINE T select(bool condition, T a, T b) {
  const UInt<T> mask = UInt<T>(0) - UInt<T>(condition);
  return from_bits((to_bits(a) & mask) | (to_bits(b) & ~mask));
}

// Limits that let NaN through. As `?:` they would be an instruction each, but only in theory: the compiler
// takes what is computed from them apart again, into a result for the limit and one for the rest.
template <class T>
PLAIT_INLINE T at_least(T x, T low) {
  return select(low > x, low, x);
}
template <class T>
PLAIT_INLINE T at_most(T x, T high) {
  return select(high < x, high, x);
}

template <class T>
PLAIT_INLINE T clamp(T x, T low, T high) {
  return at_most(at_least(x, low), high);
}

// c0 + c1 x + c2 x^2 + ... Horner's rule on pairs of terms, or on fours of a long polynomial: as many
// operations, but chains of dependent ones half and a quarter as long (Estrin), since it is latency that
// bounds these loops.
template <class T>
PLAIT_INLINE T poly_pairs(T, T, T c0) {
  return c0;
}
template <class T>
PLAIT_INLINE T poly_pairs(T x, T, T c0, T c1) {
  return fma(c1, x, c0);
}
template <class T, class... Rest>
PLAIT_INLINE T poly_pairs(T x, T x2, T c0, T c1, T c2, Rest... rest) {
  return fma(poly_pairs(x, x2, c2, rest...), x2, fma(c1, x, c0));
}
template <class T, class... Rest>
PLAIT_INLINE T poly_fours(T x, T x2, T x4, T c0, T c1, T c2, T c3, Rest... rest) {
  const T four = poly_pairs(x, x2, c0, c1, c2, c3);
  if constexpr (sizeof...(rest) == 0)
    return four;
  else if constexpr (sizeof...(rest) < 4)
    return fma(poly_pairs(x, x2, rest...), x4, four);
  else
    return fma(poly_fours(x, x2, x4, rest...), x4, four);
}
template <class T, class... Coefficients>
PLAIT_INLINE T poly(T x, Coefficients... c) {
  const T x2 = x * x;
  if constexpr (sizeof...(c) < 9)
    return poly_pairs(x, x2, c...);
  else
    return poly_fours(x, x2, x2 * x2, c...);
}

// The part of x that has half of the mantissa's bits; x minus it has the other half.
template <class T>
PLAIT_INLINE T upper_part(T x) {
  return from_bits(to_bits(x) & Format<T>::kUpperMask);
}

// 2^(k + Shift) for an integer k given as k + kRound; the result must be a normal number.
template <int Shift, class T>
PLAIT_INLINE T power_of_two(T rounded) {
  return from_bits((to_bits(rounded) + UInt<T>(Format<T>::kBias + Shift)) << Format<T>::kMantissa);
}

// y * 2^k, rounded once, with overflow and subnormal results; k is given as k + kRound, and `low` says that k
// is near or below the smallest exponent.
template <class T>
PLAIT_INLINE T scale(T y, T rounded, bool low) {
  constexpr int kLogShift = is_float<T> ? 6 : 7;
  const T rescale = select(low, is_float<T> ? T(0x1p-63) : T(0x1p-127), T(2));
  const UInt<T> bias = UInt<T>(Format<T>::kBias - 1) + (UInt<T>(low) << kLogShift);
  return y * from_bits((to_bits(rounded) + bias) << Format<T>::kMantissa) * rescale;
}

// A positive normal number as (1 + f) 2^exponent with sqrt(1/2) <= 1 + f < sqrt(2). The exponent comes as a
// float.
template <class T>
struct Mantissa {
  T f, exponent;
};
template <class T>
PLAIT_INLINE T exponent_to_float(UInt<T> biased) {
  if constexpr (is_float<T>) {
    return static_cast<float>(static_cast<int32_t>(biased)) - 127.0f;
  } else {
    return from_bits(biased | 0x4330000000000000u) - (0x1p52 + 1023.0);
  }
}
template <class T>
PLAIT_INLINE Mantissa<T> split_mantissa(T x) {
  constexpr UInt<T> kOne = UInt<T>(Format<T>::kBias) << Format<T>::kMantissa;
  constexpr UInt<T> kMantissaMask = (UInt<T>(1) << Format<T>::kMantissa) - 1;
  const UInt<T> u = to_bits(x) + (kOne - Format<T>::kSqrtHalf);
  const T m = from_bits((u & kMantissaMask) + Format<T>::kSqrtHalf);
  return {m - T(1), exponent_to_float<T>(u >> Format<T>::kMantissa)};
}
// The same for subnormal numbers too.
template <class T>
PLAIT_INLINE Mantissa<T> split_mantissa_full(T x) {
  const bool subnormal = x < std::numeric_limits<T>::min();
  Mantissa<T> m = split_mantissa(x * select(subnormal, T(is_float<T> ? 0x1p24 : 0x1p54), T(1)));
  m.exponent -= select(subnormal, T(is_float<T> ? 24 : 54), T(0));
  return m;
}

}  // namespace
}  // namespace plait::vec
