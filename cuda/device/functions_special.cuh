// Trigonometric and hyperbolic functions; error functions; the gamma function's logarithm and derivatives.
#pragma once

#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"
#include "ops/functions.h"
#include "ops/special_gamma.h"

namespace plait::cuda {

// sin, cos and tan reduce large arguments by a table in local memory: they stand apart, as that shapes the
// kernel.
template <class T>
struct CircularFamily {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  fn::Trig function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Trig::Sin: return body([](T x) { return math::sin(x); });
      case fn::Trig::Cos: return body([](T x) { return math::cos(x); });
      case fn::Trig::Tan: return body([](T x) { return math::tan(x); });
      case fn::Trig::Sinc:
        return body([](T x) {  // by the distance from the nearest whole number, as on the CPU
          const T whole = math::rint(x), half = whole * T(0.5);
          const T sine = math::sin((x - whole) * static_cast<T>(M_PI));
          return x == T(0) ? T(1) : (half == math::floor(half) ? sine : -sine) / (x * static_cast<T>(M_PI));
        });
      default: return;
    }
  }
};

template <class T>
struct HyperbolicFamily {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 8;
  fn::Trig function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Trig::Asin: return body([](T x) { return math::asin(x); });
      case fn::Trig::Acos: return body([](T x) { return math::acos(x); });
      case fn::Trig::Atan: return body([](T x) { return math::atan(x); });
      case fn::Trig::Sinh: return body([](T x) { return math::sinh(x); });
      case fn::Trig::Cosh: return body([](T x) { return math::cosh(x); });
      case fn::Trig::Tanh: return body([](T x) { return math::tanh(x); });
      case fn::Trig::Asinh: return body([](T x) { return math::asinh(x); });
      case fn::Trig::Acosh: return body([](T x) { return math::acosh(x); });
      case fn::Trig::Atanh: return body([](T x) { return math::atanh(x); });
      default: return;
    }
  }
};

template <class T>
struct ErrorFunctionFamily {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  fn::Special function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Special::Erf: return body([](T x) { return math::erf(x); });
      case fn::Special::Erfc: return body([](T x) { return math::erfc(x); });
      case fn::Special::Erfinv: return body([](T x) { return math::erfinv(x); });
      case fn::Special::Entr:
        return body([](T x) {
          if (x > T(0)) return T(0) - x * math::log(x);
          return x < T(0) ? -math::infinity<T>() : x;
        });
      default: return;
    }
  }
};

// ---- the gamma function. Rare in tensor programs: double for all types, one copy of the code.

inline constexpr double kPi = 3.141592653589793;

// x^n-th term by Horner's rule.
template <class... C>
__device__ __forceinline__ double polynomial(double x, double first, C... rest) {
  if constexpr (sizeof...(rest) == 0)
    return first;
  else
    return math::fma(x, polynomial(x, rest...), first);
}

// psi(x): recurrence up to x >= 10, then the asymptotic series; reflection for negative x. -inf at +0, +inf
// at -0, NaN at the negative integers. DLMF 5.5.2, 5.5.4, 5.11.2.
inline __device__ __noinline__ double digamma(double x) {
  if (x == 0) return ::copysign(math::infinity<double>(), -x);
  double result = 0;
  if (x < 0) {
    const double whole = ::trunc(x);
    if (whole == x) return std::numeric_limits<double>::quiet_NaN();
    result = -kPi / ::tan(kPi * (x - whole));
    x = 1 - x;
  }
  for (; x < 10; x += 1) result -= 1 / x;
  const double z = 1 / (x * x);
  // B(2k) / (2k)
  const double series =
      z * polynomial(z, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12);
  return result + ::log(x) - 0.5 / x - series;
}

// psi'(x). DLMF 5.15.
inline __device__ __noinline__ double trigamma(double x) {
  double result = 0, sign = 1;
  if (x < 0.5) {
    const double s = ::sin(kPi * (x - ::trunc(x)));  // 0 at the poles: +inf
    result = kPi * kPi / (s * s);
    if (x == -math::infinity<double>()) return std::numeric_limits<double>::quiet_NaN();
    if (result == math::infinity<double>()) return result;
    x = 1 - x;
    sign = -1;
  }
  for (; x < 10; x += 1) result += sign / (x * x);
  const double r = 1 / x, z = r * r;
  // B(2k)
  const double series =
      z * polynomial(z, 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6);
  return result + sign * r * (1 + 0.5 * r + series);
}

inline __device__ __noinline__ double polygamma(int64_t n, double x) { return special::polygamma(n, x); }

template <class T>
struct GammaFamily {
  static constexpr int elements = 2;
  fn::Special function;
  int64_t order;  // above 0: polygamma

  template <class Body>
  __device__ void select(const Body& body) const {
    const int64_t n = order;
    if (n > 0) return body([n](T x) { return static_cast<T>(polygamma(n, static_cast<double>(x))); });
    switch (function) {
      case fn::Special::Lgamma: return body([](T x) { return math::lgamma(x); });
      case fn::Special::Digamma:
        return body([](T x) { return static_cast<T>(digamma(static_cast<double>(x))); });
      case fn::Special::Trigamma:
        return body([](T x) { return static_cast<T>(trigamma(static_cast<double>(x))); });
      default: return;
    }
  }
};

}  // namespace plait::cuda
