// The logarithm of the gamma function and its derivatives. Scalar code: these are rare in tensor programs.
#pragma once

#include <math.h>  // lgamma_r, which unlike std::lgamma writes no global sign

#include <cmath>

#include "ops/cpu/vecmath/base.h"

namespace plait::vec {
namespace {

PLAIT_INLINE double lgamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}
PLAIT_INLINE float lgamma(float x) {
  int sign;
  return ::lgammaf_r(x, &sign);
}

inline constexpr double kPi = 3.141592653589793;

// psi(x): recurrence up to x >= 10, then the asymptotic series; reflection for negative x. -inf at +0, +inf
// at -0, NaN at the negative integers. DLMF 5.5.2, 5.5.4, 5.11.2.
PLAIT_INLINE double digamma(double x) {
  if (x == 0.0) return copysign(kInfinity<double>, -x);
  double result = 0.0;
  if (x < 0.0) {
    if (std::trunc(x) == x) return kNaN<double>;
    double whole;
    result = -kPi / std::tan(kPi * std::modf(x, &whole));
    x = 1.0 - x;
  }
  for (; x < 10.0; x += 1.0) result -= 1.0 / x;
  const double z = 1.0 / (x * x);
  // B(2k) / (2k)
  const double series =
      z * poly(z, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12);
  return result + std::log(x) - 0.5 / x - series;
}
PLAIT_INLINE float digamma(float x) { return static_cast<float>(digamma(static_cast<double>(x))); }

// psi'(x). DLMF 5.15.
PLAIT_INLINE double trigamma(double x) {
  double result = 0.0, sign = 1.0;
  if (x < 0.5) {
    double whole;
    const double s = std::sin(kPi * std::modf(x, &whole));  // 0 at the poles: +inf
    result = kPi * kPi / (s * s);
    if (x == -kInfinity<double>) return kNaN<double>;
    if (result == kInfinity<double>) return result;
    x = 1.0 - x;
    sign = -1.0;
  }
  for (; x < 10.0; x += 1.0) result += sign / (x * x);
  const double r = 1.0 / x, z = r * r;
  // B(2k)
  const double series =
      z * poly(z, 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6);
  return result + sign * r * (1.0 + 0.5 * r + series);
}
PLAIT_INLINE float trigamma(float x) { return static_cast<float>(trigamma(static_cast<double>(x))); }

}  // namespace
}  // namespace plait::vec
