// Functions of one argument: signs, roundings, squares, roots; exponentials and logarithms.
#pragma once

#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"
#include "ops/functions.h"

namespace plait::cuda {

// 1 / (1 + exp(-x)), without overflow on either side.
template <class T>
__device__ __forceinline__ T sigmoid(T x) {
  const T e = math::exp(-math::fabs(x));
  return math::quotient(x < T(0) ? e : T(1), T(1) + e);
}

// Note [Functions of 16 bits]: a 16-bit element comes and goes in the time of 13 instructions for each of
// the two (an H200's 132 multiprocessors issue 128 lanes a cycle; a copy moves 19 bytes in one). The
// functions that are accurate to float32's last place take 30 to 70. So each function is a template of the
// elements' type E: for 16-bit floats it has a form whose relative error is at most 3e-5, a tenth of what
// rounding to Half loses and a hundredth of BFloat16's, also where the result is tiny. Special values are as
// in the long form.
template <class E>
inline constexpr bool is_brief = is_16bit_float<E>;
inline constexpr float kLog2e = 1.44269504f;

// exp(x) for x up to 70. The hardware's exp2 flushes what is subnormal to 0, but times x it may be normal: so
// the result is formed above that range and scaled down.
__device__ __forceinline__ float brief_exp(float x) {
  return math::exp2_approximate(math::fma(x, kLog2e, 24.0f)) * 0x1p-24f;
}

// 1 / (1 + exp(-x))
template <class E>
__device__ __forceinline__ opmath_t<E> sigmoid_of(opmath_t<E> x) {
  if constexpr (is_brief<E>) {
    const float e = brief_exp(-math::fabs(x));
    return (x < 0 ? e : 1.0f) * math::reciprocal_approximate(1.0f + e);
  } else {
    return sigmoid(x);
  }
}

// exp(x) - 1
template <class E>
__device__ __forceinline__ opmath_t<E> expm1_of(opmath_t<E> x) {
  if constexpr (is_brief<E>) {
    const float p = math::fma(math::fma(math::fma(x, 1 / 24.0f, 1 / 6.0f), x, 0.5f), x, 1.0f);
    return math::fabs(x) < 0.125f ? x * p : math::exp2_approximate(kLog2e * x) - 1.0f;
  } else {
    return math::expm1(x);
  }
}

// log(x), given x - 1 as well: near 1 it keeps its digits.
template <class E>
__device__ __forceinline__ float brief_log(float x, float above) {
  const float p = math::fma(math::fma(above, 1 / 3.0f, -0.5f), above, 1.0f);
  // Only elements of BFloat16 may be subnormal as floats.
  const float far = std::is_same_v<E, BFloat16> ? math::log2_approximate(x) : math::log2_of_normal(x);
  return math::fabs(above) < 0.03125f ? above * p : far * 0.693147181f;
}

// tanh(x)
__device__ __forceinline__ float brief_tanh(float x) {
  const float t = math::fabs(x), square = x * x;
  float p = -17 / 315.0f;
  p = math::fma(p, square, 2 / 15.0f);
  p = math::fma(p, square, -1 / 3.0f);
  p = math::fma(p * square, x, x);
  const float e = math::exp2_approximate(2 * kLog2e * t);
  const float far = math::fma(-2.0f, math::reciprocal_approximate(e + 1.0f), 1.0f);
  return t < 0.25f ? p : math::copysign(far, x);
}

// Families for device/elementwise.cuh; T is an opmath type, E an element's.
template <class T>
struct FloatUnary {
  fn::Unary function;
  T p[3];

  template <class Body>
  __device__ void select(const Body& body) const {
    const T a = p[0], b = p[1], c = p[2];
    switch (function) {
      case fn::Unary::Neg: return body([](T x) { return -x; });
      case fn::Unary::Abs: return body([](T x) { return math::fabs(x); });
      case fn::Unary::Sign: return body([](T x) { return static_cast<T>((x > T(0)) - (x < T(0))); });
      case fn::Unary::Square: return body([](T x) { return x * x; });
      case fn::Unary::Cube: return body([](T x) { return x * x * x; });
      case fn::Unary::Reciprocal: return body([](T x) { return T(1) / x; });
      case fn::Unary::InverseSquare:
        return body([](T x) {
          const T y = T(1) / x;
          return y * y;
        });
      case fn::Unary::Sqrt: return body([](T x) { return math::sqrt(x); });
      case fn::Unary::Rsqrt: return body([](T x) { return math::rsqrt(x); });
      case fn::Unary::Floor: return body([](T x) { return math::floor(x); });
      case fn::Unary::Ceil: return body([](T x) { return math::ceil(x); });
      case fn::Unary::Round: return body([](T x) { return math::rint(x); });
      case fn::Unary::RoundDecimals:
        return body([a, b](T x) { return b != T(0) ? math::rint(x / a) * a : math::rint(x * a) / a; });
      case fn::Unary::Trunc: return body([](T x) { return math::trunc(x); });
      case fn::Unary::Frac: return body([](T x) { return x - math::trunc(x); });
      case fn::Unary::Scale: return body([a](T x) { return x * a; });
      case fn::Unary::NanToNum:
        return body([a, b, c](T x) {
          return x != x ? a : x == math::infinity<T>() ? b : x == -math::infinity<T>() ? c : x;
        });
      case fn::Unary::Angle:
        return body([](T x) { return x < T(0) ? T(3.141592653589793) : x != x ? x : T(0); });
      default: return;
    }
  }
};

template <class T>
__device__ __forceinline__ bool is_negative(T x) {
  if constexpr (std::is_signed_v<T>)
    return x < T(0);
  else
    return false;
}

// Wraps round, as on the CPU: the least number is its own negative.
template <class T>
__device__ __forceinline__ T negative(T x) {
  return static_cast<T>(uint64_t(0) - static_cast<uint64_t>(x));
}

template <class T>
struct IntUnary {
  fn::Unary function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Unary::Neg: return body([](T x) { return negative(x); });
      case fn::Unary::Abs: return body([](T x) { return is_negative(x) ? negative(x) : x; });
      case fn::Unary::Sign: return body([](T x) { return static_cast<T>((x > T(0)) - is_negative(x)); });
      case fn::Unary::Square:
        return body([](T x) { return static_cast<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x)); });
      case fn::Unary::BitwiseNot: return body([](T x) { return static_cast<T>(~x); });
      default: return;
    }
  }
};

template <class E>
struct ExplogFamily {
  using T = opmath_t<E>;
  static constexpr int elements = sizeof(T) > 4 ? 2 : is_brief<E> ? 16 : 8;
  fn::Explog function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Explog::Exp: return body([](T x) { return math::exp(x); });
      case fn::Explog::Exp2: return body([](T x) { return math::exp2(x); });
      case fn::Explog::Expm1: return body([](T x) { return expm1_of<E>(x); });
      case fn::Explog::Log:
        return body([](T x) { return log_of(x, T(1), [](T y) { return math::log(y); }); });
      case fn::Explog::Log2:
        return body([](T x) { return log_of(x, T(kLog2e), [](T y) { return math::log2(y); }); });
      case fn::Explog::Log10:
        return body([](T x) { return log_of(x, T(0.434294482f), [](T y) { return math::log10(y); }); });
      case fn::Explog::Log1p:
        return body([](T x) {
          if constexpr (is_brief<E>)
            return brief_log<Half>(1.0f + x, x);  // never subnormal
          else
            return math::log1p(x);
        });
      case fn::Explog::Sigmoid: return body([](T x) { return sigmoid_of<E>(x); });
      default: return;
    }
  }
  // `exact(x)`, which is log(x) * scale.
  template <class Exact>
  static __device__ __forceinline__ T log_of(T x, [[maybe_unused]] T scale, const Exact& exact) {
    if constexpr (is_brief<E>)
      return brief_log<E>(x, x - 1.0f) * scale;
    else
      return exact(x);
  }
};

}  // namespace plait::cuda
