// The logarithm of the gamma function and its derivatives.
//
// All by the same two steps: recurrence adds ten to arguments below ten, where the asymptotic series has the
// digits of a double; reflection gives negative arguments.
#pragma once

#include <math.h>  // lgamma_r, which unlike std::lgamma writes no global sign

#include <cmath>

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vecmath/trig.h"

namespace plait::vec {
namespace {

inline constexpr double kPi = 3.141592653589793;
inline constexpr int kSteps = 10;  // of the recurrence

// Its distance from the nearest whole number, which is exact, gives sin(pi x) and cos(pi x) but for the sign.
PLAIT_INLINE double off_whole(double x) { return x - round(x); }

// The rounding of a double's logarithm near the zeros at 1 and 2 would show; libm has forms for these.
PLAIT_INLINE double lgamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}
// In double, where it does not. +inf at the poles. DLMF 5.5.1, 5.5.3, 5.11.1.
PLAIT_INLINE float lgamma(float f) {
  const double x = f;
  const bool reflected = x < 0.0;
  const double y = select(reflected, 1.0 - x, x);
  const bool near = y < kSteps;
  const double first = select(near, y, 1.0);
  double product = first;
#pragma GCC unroll 10
  for (int k = 1; k < kSteps; ++k) product *= first + k;
  product = select(near, product, 1.0);
  const double z = select(near, y + kSteps, y), r = 1.0 / z, r2 = r * r;
  // B(2k) / (2k (2k - 1))
  const double series =
      r * poly(r2, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360);
  const double above = (z - 0.5) * log(z) - z + 0.9189385332046728 + series;  // log(2 pi) / 2
  const double sine = abs(Sin::fast(kPi * off_whole(x)));
  const double rest = log(select(reflected, product * kPi / sine, product));
  const double inside = select((x == 1.0) | (x == 2.0), 0.0, above - rest);  // the zeros are exact
  const double result = select(reflected, rest - above, inside);
  return static_cast<float>(select(abs(x) == kInfinity<double>, kInfinity<double>, result));
}

// psi(x). -inf at +0, +inf at -0, NaN at the negative integers. DLMF 5.5.2, 5.5.4, 5.11.2.
PLAIT_INLINE double digamma(double x) {
  const bool reflected = x < 0.0;
  const double y = select(reflected, 1.0 - x, x);
  const bool near = y < kSteps;
  // The sum of 1 / (y + k) as the derivative of the product of y + k, divided by it.
  const double first = select(near, y, 1.0);
  double product = first, derivative = 1.0;
#pragma GCC unroll 10
  for (int k = 1; k < kSteps; ++k) {
    derivative = fma(derivative, first + k, product);
    product *= first + k;
  }
  const double sum = select(near, derivative / product, 0.0);
  const double z = select(near, y + kSteps, y), r = 1.0 / z, r2 = r * r;
  // B(2k) / (2k)
  const double series =
      r2 * poly(r2, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12);
  const double angle = kPi * off_whole(x);
  const double cotangent = select(angle == 0.0, kNaN<double>, Cos::fast(angle) / Sin::fast(angle));
  const double result = log(z) - 0.5 * r - series - sum - select(reflected, kPi * cotangent, 0.0);
  return select(x == 0.0, copysign(kInfinity<double>, -x), result);
}
PLAIT_INLINE float digamma(float x) { return static_cast<float>(digamma(static_cast<double>(x))); }

// psi'(x). +inf at the poles. DLMF 5.15.
PLAIT_INLINE double trigamma(double x) {
  const bool reflected = x < 0.5;
  const double y = select(reflected, 1.0 - x, x);
  const bool near = y < kSteps;
  double sum = 0.0;
#pragma GCC unroll 10
  for (int k = 0; k < kSteps; ++k) sum += 1.0 / ((y + k) * (y + k));
  const double z = select(near, y + kSteps, y), r = 1.0 / z, r2 = r * r;
  // B(2k)
  const double series =
      r2 * poly(r2, 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6);
  const double value = select(near, sum, 0.0) + r * (1.0 + 0.5 * r + series);
  const double sine = Sin::fast(kPi * off_whole(x));
  return select(reflected, kPi * kPi / (sine * sine) - value, value);
}
PLAIT_INLINE float trigamma(float x) { return static_cast<float>(trigamma(static_cast<double>(x))); }

}  // namespace
}  // namespace plait::vec
