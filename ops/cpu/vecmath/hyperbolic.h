// Hyperbolic functions and their inverses.
#pragma once

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vecmath/wide.h"

namespace plait::vec {
namespace {

// exp(a) / 2 for a >= 0, infinite only where the half is.
template <class T>
PLAIT_INLINE T half_exp(T a) {
  a = at_most(a, is_float<T> ? T(90) : T(711));
  const auto [r, rounded] = reduce_exp(a);
  const T y = fma(r * r, exp_tail(r), r) + T(1);
  return y * power_of_two<-2>(rounded) * T(2);
}

// (sinh(x) - x) / x^3 as a polynomial in x^2, |x| <= 1. Errors 2^-34, 2^-63.
PLAIT_INLINE float sinh_tail(float z) {
  return poly(z, 0.166666672f, 0.00833335053f, 0.000198360678f, 2.81743496e-06f);
}
PLAIT_INLINE double sinh_tail(double z) {
  return poly(z, 0.16666666666666669, 0.008333333333333139, 0.00019841269841437554, 2.7557319155370604e-06,
              2.5052123393880483e-08, 1.605724066526603e-10, 7.759303319303397e-13);
}

template <class T>
PLAIT_INLINE T sinh(T x) {
  const T a = abs(x), z = a * a;
  const T small = fma(a * z, sinh_tail(z), a);
  const T e = half_exp(a);
  return copysign(select(a < T(1), small, e - T(0.25) / e), x);
}

template <class T>
PLAIT_INLINE T cosh(T x) {
  const T e = half_exp(abs(x));
  return e + T(0.25) / e;
}

// By t = exp(2 |x|) - 1.
PLAIT_INLINE float tanh(float x) {
  const auto [r, rounded] = reduce_exp(at_most(2.0f * abs(x), 20.0f));
  const float power = power_of_two<0>(rounded);
  const float t = fma(power, fma(r * r, expm1_tail(r), r), power - 1.0f);
  return copysign(t / (t + 2.0f), x);
}
PLAIT_INLINE double tanh(double x) {
  const double t = expm1(at_most(2.0 * abs(x), 44.0));
  return copysign(t / (t + 2.0), x);
}

PLAIT_INLINE float asinh(float x) {
  const double a = abs(x), z = a * a;
  const double small =
      fma(a * z, fma(z, 3.0 / 40, -1.0 / 6), a);  // the logarithm's argument would lose the bits
  const double large = log_wide(a + sqrt(z + 1.0));
  const float y = static_cast<float>(select(a < 0x1p-8, small, large));
  const float result = copysign(y, x);
  return select(abs(x) < kInfinity<float>, result, x);
}
PLAIT_INLINE double asinh(double x) {
  const double a = abs(x), z = a * a;
  const bool huge = a > 0x1p500;  // a^2 would overflow; asinh(a) = log(2 a)
  const double y = log1p(select(huge, a, a + z / (1.0 + sqrt(z + 1.0))));
  return copysign(y + select(huge, 0.6931471805599453, 0.0), x);
}

PLAIT_INLINE float acosh(float x) {
  const double t = static_cast<double>(x) - 1.0;
  const double y = log_wide(1.0 + (t + sqrt(t * (t + 2.0))));
  const float result = select(x < 1.0f, kNaN<float>, static_cast<float>(y));
  return select(x < kInfinity<float>, result, x);
}
PLAIT_INLINE double acosh(double x) {
  const bool huge = x > 0x1p500;
  const double t = x - 1.0;
  const double y = log1p(select(huge, x, t + sqrt(t * (t + 2.0))));
  const double result = y + select(huge, 0.6931471805599453, 0.0);
  return select(x < 1.0, kNaN<double>, result);
}

PLAIT_INLINE float atanh(float x) {
  const double a = abs(x), z = a * a;
  const double small = fma(a * z, fma(z, 1.0 / 5, 1.0 / 3), a);
  const double large = 0.5 * log_wide((1.0 + a) / (1.0 - a));
  const double y = select(a < 0x1p-8, small, large);
  const double at_end = select(a == 1.0, kInfinity<double>, kNaN<double>);
  return copysign(static_cast<float>(select(a < 1.0, y, at_end)), x);
}
PLAIT_INLINE double atanh(double x) {
  const double a = abs(x);
  return copysign(0.5 * log1p((a + a) / (1.0 - a)), x);
}

}  // namespace
}  // namespace plait::vec
