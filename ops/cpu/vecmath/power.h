// Powers and remainders.
#pragma once

#include <cmath>

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/wide.h"

namespace plait::vec {
namespace {

// x^y by C's rules for zeros, infinities, NaN and negative x.
PLAIT_INLINE float pow(float x, float y) {
  const float ax = abs(x);
  const double logarithm =
      log2_wide(ax);  // right for positive finite x, subnormal ones too: they are normal doubles
  const double a = ax;
  const double finite = select(a == 0.0, -kInfinity<double>, logarithm);
  const double l = select(a < kInfinity<double>, finite, a);
  const double exponent = select(a == 1.0, 0.0, static_cast<double>(y) * l);  // (-1)^inf = 1
  const double limited = clamp(exponent, -200.0, 200.0);
  const float magnitude = static_cast<float>(exp2_wide(limited));
  const bool integral = trunc(y) == y;
  const bool odd = integral & (trunc(0.5f * y) != 0.5f * y);
  float result = select(odd, copysign(magnitude, x), magnitude);
  result = select((x < 0.0f) & (ax < kInfinity<float>)&!integral, kNaN<float>, result);
  return select((y == 0.0f) | (x == 1.0f), 1.0f, result);
}

#ifdef __FMA__
// A number as the sum of two, the second below the rounding of the first.
struct Doubled {
  double high, low;
};
PLAIT_INLINE Doubled doubled_sum(double large, double small) {
  const double high = large + small;
  return {high, (large - high) + small};
}
PLAIT_INLINE Doubled doubled_product(double a, double b) {
  const double high = a * b;
  return {high, __builtin_fma(a, b, -high)};
}

// log2(x) to 64 bits, 0 < x < infinity: with s = f / (2 + f), log(1 + f) = 2 (s + s^3 / 3 + s^5 / 5 + ...),
// of which the first two terms need two doubles.
PLAIT_INLINE Doubled log2_doubled(double x) {
  const Mantissa<double> m = split_mantissa_full(x);
  const Doubled under = doubled_sum(2.0, m.f);
  const double s = m.f / under.high;
  const double s_low = (__builtin_fma(-s, under.high, m.f) - s * under.low) / under.high;
  Doubled z = doubled_product(s, s);
  z.low += 2.0 * s * s_low;
  const double rest =
      z.high * z.high *
      poly(z.high, 0.2, 0.14285714285714682835, 0.11111111110828115766, 0.090909091676572015388,
           0.076922974854477289087, 0.066674021191126722617, 0.05853124270461192668, 0.058615255140488764598);
  constexpr double kThird = 0.3333333333333333, kThirdLow = 1.850371707708594e-17;
  const Doubled cube = doubled_product(z.high, kThird);
  const double cube_low = cube.low + __builtin_fma(z.high, kThirdLow, z.low * kThird);
  const Doubled tail = doubled_sum(cube.high, rest), sum = doubled_sum(1.0, tail.high);
  const double sum_low = sum.low + (tail.low + cube_low);
  Doubled logarithm = doubled_product(s, sum.high);
  logarithm.low += __builtin_fma(s, sum_low, s_low * sum.high);
  constexpr double kTwoOverLn2 = 2.8853900817779268, kTwoOverLn2Low = 4.0710547481862066e-17;
  Doubled scaled = doubled_product(logarithm.high, kTwoOverLn2);
  scaled.low += __builtin_fma(logarithm.high, kTwoOverLn2Low, logarithm.low * kTwoOverLn2);
  const Doubled result = doubled_sum(m.exponent, scaled.high);
  return {result.high, result.low + scaled.low};
}

PLAIT_INLINE double pow(double x, double y) {
  const double ax = abs(x);
  Doubled l = log2_doubled(ax);
  const bool zero = ax == 0.0, whole = zero | !(ax < kInfinity<double>) | (ax == 1.0);
  l.high = select(zero, -kInfinity<double>, select(ax < kInfinity<double>, l.high, ax));
  const Doubled product = doubled_product(y, l.high);
  const double exponent = select(ax == 1.0, 0.0, product.high);  // (-1)^inf = 1
  const double limited = clamp(exponent, -1077.0, 1025.0);
  const double low = select(whole | (exponent != limited), 0.0, product.low + y * l.low);
  const double rounded = limited + Format<double>::kRound;
  const double r = (limited - (rounded - Format<double>::kRound)) + low;
  const double magnitude = scale(fma(r, exp2_tail(r), 1.0), rounded, limited < -1000.0);
  const bool integral = trunc(y) == y;
  const bool odd = integral & (trunc(0.5 * y) != 0.5 * y);
  double result = select(odd, copysign(magnitude, x), magnitude);
  result = select((x < 0.0) & (ax < kInfinity<double>)&!integral, kNaN<double>, result);
  return select((y == 0.0) | (x == 1.0), 1.0, result);
}
#else  // products of two doubles take a dozen instructions without FMA: libm it is
PLAIT_INLINE double pow(double x, double y) { return std::pow(x, y); }
#endif

// The remainder of truncated division, exact, with the sign of x. In range while the quotient has few enough
// bits that it, or its neighbour, is computed.
struct Fmod {
  PLAIT_INLINE static bool in_range(float x, float y) {
    return !(static_cast<double>(abs(x)) > 0x1p28 * static_cast<double>(abs(y)));
  }
  PLAIT_INLINE static float fast(float x, float y) {
    const double a = abs(x), b = abs(y);
    const double r = a - trunc(a / b) * b;  // the product is exact
    const double fixed = select(r < 0.0, r + b, r);
    const double by_infinity = select((b == kInfinity<double>)&(a < b), a, kNaN<double>);
    return copysign(static_cast<float>(select(b < kInfinity<double>, fixed, by_infinity)), x);
  }
  PLAIT_INLINE static float slow(float x, float y) { return std::fmod(x, y); }

#ifdef __FMA__
  PLAIT_INLINE static bool in_range(double x, double y) { return !(abs(x) * 0x1p-50 > abs(y)); }
  PLAIT_INLINE static double fast(double x, double y) {
    const double a = abs(x), b = abs(y);
    const double r = __builtin_fma(-trunc(a / b), b, a);
    const double fixed = select(r < 0.0, r + b, r);
    const double by_infinity = select((b == kInfinity<double>)&(a < b), a, kNaN<double>);
    return copysign(select(b < kInfinity<double>, fixed, by_infinity), x);
  }
#else  // an exact product of doubles takes a dozen instructions without FMA: libm it is
  PLAIT_INLINE static bool in_range(double, double) { return true; }
  PLAIT_INLINE static double fast(double x, double y) { return std::fmod(x, y); }
#endif
  PLAIT_INLINE static double slow(double x, double y) { return std::fmod(x, y); }
};

// The remainder of floored division, with the sign of y, as Python's %.
struct Remainder {
  template <class T>
  PLAIT_INLINE static T floored(T r, T y) {
    return select((r != T(0)) & ((r < T(0)) != (y < T(0))), r + y, r);
  }
  template <class T>
  PLAIT_INLINE static bool in_range(T x, T y) {
    return Fmod::in_range(x, y);
  }
  template <class T>
  PLAIT_INLINE static T fast(T x, T y) {
    return floored(Fmod::fast(x, y), y);
  }
  template <class T>
  PLAIT_INLINE static T slow(T x, T y) {
    return floored(Fmod::slow(x, y), y);
  }
};

template <class T>
PLAIT_INLINE T fmod(T x, T y) {
  return Fmod::in_range(x, y) ? Fmod::fast(x, y) : Fmod::slow(x, y);
}
template <class T>
PLAIT_INLINE T remainder(T x, T y) {
  return Remainder::in_range(x, y) ? Remainder::fast(x, y) : Remainder::slow(x, y);
}

// sqrt(x^2 + y^2) without overflow: in double for floats, by the ratio for doubles.
PLAIT_INLINE float hypot(float x, float y) {
  const double a = x, b = y;
  const float length = static_cast<float>(sqrt(a * a + b * b));
  const bool infinite = (abs(x) == kInfinity<float>) | (abs(y) == kInfinity<float>);
  return select(infinite, kInfinity<float>, length);
}
PLAIT_INLINE double hypot(double x, double y) {
  const double a = abs(x), b = abs(y);
  const double large = select(a > b, a, b), small = select(a > b, b, a);
  const double ratio = small / select(large == 0.0, 1.0, large);
  const double length = large * sqrt(1.0 + ratio * ratio);
  const bool infinite = (a == kInfinity<double>) | (b == kInfinity<double>);
  return select(infinite, kInfinity<double>, select(a != a, a, length));
}

}  // namespace
}  // namespace plait::vec
