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

// Families for device/elementwise.cuh; T is an opmath type.
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
      case fn::Unary::Reciprocal: return body([](T x) { return T(1) / x; });
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

template <class T>
struct IntUnary {
  fn::Unary function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Unary::Neg: return body([](T x) { return static_cast<T>(-x); });
      case fn::Unary::Abs: return body([](T x) { return is_negative(x) ? static_cast<T>(-x) : x; });
      case fn::Unary::Sign: return body([](T x) { return static_cast<T>((x > T(0)) - is_negative(x)); });
      case fn::Unary::Square:
        return body([](T x) { return static_cast<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x)); });
      case fn::Unary::BitwiseNot: return body([](T x) { return static_cast<T>(~x); });
      default: return;
    }
  }
};

template <class T>
struct ExplogFamily {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 8;
  fn::Explog function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Explog::Exp: return body([](T x) { return math::exp(x); });
      case fn::Explog::Exp2: return body([](T x) { return math::exp2(x); });
      case fn::Explog::Expm1: return body([](T x) { return math::expm1(x); });
      case fn::Explog::Log: return body([](T x) { return math::log(x); });
      case fn::Explog::Log2: return body([](T x) { return math::log2(x); });
      case fn::Explog::Log10: return body([](T x) { return math::log10(x); });
      case fn::Explog::Log1p: return body([](T x) { return math::log1p(x); });
      case fn::Explog::Sigmoid: return body([](T x) { return sigmoid(x); });
      default: return;
    }
  }
};

}  // namespace plait::cuda
