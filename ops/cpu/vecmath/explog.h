// Exponentials and logarithms. All of them to 1 ULP or a little more (see the table in vecmath.h), over the
// whole range, with subnormal results and arguments.
#pragma once

#include "ops/cpu/vecmath/base.h"

namespace plait::vec {
namespace {

template <class T>
inline constexpr T kLog2E = T(1.4426950408889634);
// log(2) in two parts; a multiple of the first by an exponent is exact.
template <class T>
inline constexpr T kLn2High = is_float<T> ? T(0.693145751953125) : T(0.6931471803691238);
template <class T>
inline constexpr T kLn2Low = is_float<T> ? T(1.42860677e-06) : T(1.9082149292705877e-10);

// Where exp is zero or infinite for certain. Of what is limited to the lower ends, the exponents of the
// factors in `scale` and in `exp_negative` come out as that of zero: an exact product with 0, and not one
// that underflows, which would take machines hundreds of cycles.
template <class T>
inline constexpr T kExpMin = is_float<T> ? T(-131.697) : T(-797.1193);  // -190 log(2), -1150 log(2)
template <class T>
inline constexpr T kExpNegativeMin = is_float<T> ? T(-132.39) : T(-797.8124);  // one log(2) less
template <class T>
inline constexpr T kExpMax = is_float<T> ? T(89) : T(710);

// (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2. Errors relative to exp: 2^-28, 2^-57.
PLAIT_INLINE float exp_tail(float r) {
  return poly(r, 0.5f, 0.166665256f, 0.041666232f, 0.0083683189f, 0.001394919f);
}
PLAIT_INLINE double exp_tail(double r) {
  return poly(r, 0.5000000000000006, 0.16666666666666685, 0.041666666666573426, 0.008333333333314546,
              0.0013888888932492441, 0.00019841269903173896, 2.4801504269224547e-05, 2.7557227789932007e-06,
              2.762640888829736e-07, 2.5114535164891273e-08);
}
// The same, with the error relative to exp(r) - 1: 2^-32, 2^-62.
PLAIT_INLINE float expm1_tail(float r) {
  return poly(r, 0.5f, 0.166666672f, 0.041666355f, 0.00833327323f, 0.00139410642f, 0.000199142625f);
}
PLAIT_INLINE double expm1_tail(double r) {
  return poly(r, 0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321563, 0.0013888888888866735,
              0.00019841269886327367, 2.480158736079216e-05, 2.7557243979802323e-06, 2.7557242537357375e-07,
              2.5109125300336698e-08, 2.0924517033555585e-09);
}

// x = n log(2) + r, with n as n + kRound + Offset.
template <class T>
struct ExpReduced {
  T r, rounded;
};
template <int Offset = 0, class T>
PLAIT_INLINE ExpReduced<T> reduce_exp(T x) {
  constexpr T kRound = Format<T>::kRound + T(Offset);
  const T rounded = fma(x, kLog2E<T>, kRound);
  const T n = rounded - kRound;
  return {fma(n, -kLn2Low<T>, fma(n, -kLn2High<T>, x)), rounded};
}

template <class T>
PLAIT_INLINE T exp(T x) {
  x = clamp(x, kExpMin<T>, kExpMax<T>);
  const auto [r, rounded] = reduce_exp(x);
  const T y = fma(r * r, exp_tail(r), r) + T(1);
  return scale(y, rounded, x < (is_float<T> ? T(-86) : T(-700)));
}

// exp(x + low) 2^Shift where the result is known to be a normal number (or harmlessly zero): for -86 <= x <=
// 88, or |x| <= 700. NaN comes through.
template <int Shift = 0, class T>
PLAIT_INLINE T exp_normal(T x, T low = T(0)) {
  // The exponent's bias is added with the constant that rounds: 2^(n + Shift) is one shift of its bits.
  const auto [r0, rounded] = reduce_exp<Format<T>::kBias + Shift>(x);
  const T r = r0 + low;
  const T y = fma(r * r, exp_tail(r), r) + T(1);
  return y * from_bits(to_bits(rounded) << Format<T>::kMantissa);
}

// exp(x + low) for kExpNegativeMin <= x <= 0, with subnormal results: from a larger number, so that they
// round once.
template <class T>
PLAIT_INLINE T exp_negative(T x, T low = T(0)) {
  constexpr int kShift = is_float<T> ? 64 : 128;
  return exp_normal<kShift>(x, low) * (is_float<T> ? T(0x1p-64) : T(0x1p-128));
}

// (2^r - 1) / r for |r| <= 1/2. Errors 2^-27, 2^-62.
PLAIT_INLINE float exp2_tail(float r) {
  return poly(r, 0.693147182f, 0.240226507f, 0.0555035658f, 0.00961802993f, 0.00133910973f, 0.000154700116f);
}
PLAIT_INLINE double exp2_tail(double r) {
  return poly(r, 0.6931471805599453, 0.24022650695910072, 0.055504108664821625, 0.009618129107628487,
              0.0013333558146406113, 0.00015403530393354536, 1.5252733842012707e-05, 1.3215486823550287e-06,
              1.0178056853858794e-07, 7.054891356089287e-09, 4.455859379890182e-10, 2.5737987411188026e-11);
}

template <class T>
PLAIT_INLINE T exp2(T x) {
  constexpr T kMin = is_float<T> ? T(-190) : T(-1150), kMax = is_float<T> ? T(129) : T(1025);
  x = clamp(x, kMin, kMax);
  const T rounded = x + Format<T>::kRound;
  const T r = x - (rounded - Format<T>::kRound);
  const T y = fma(r, exp2_tail(r), T(1));
  return scale(y, rounded, x < (is_float<T> ? T(-120) : T(-1000)));
}

template <class T>
PLAIT_INLINE T expm1(T x) {
  const T limited = clamp(x, is_float<T> ? T(-20) : T(-40), kExpMax<T>);
  const T rounded = fma(limited, kLog2E<T>, Format<T>::kRound);
  const T n = rounded - Format<T>::kRound;
  // r with its rounding error: near x = 0.4 the result is smaller than 2 r.
  const T high = fma(n, -kLn2High<T>, limited), low = n * kLn2Low<T>;
  const T r = high - low, error = (high - r) - low;
  const T tail = fma(r * r, expm1_tail(r), error);
  // 2^n (1 + r + tail) - 1, at half size: 2^n alone may overflow where the result does not.
  const T half = power_of_two<-1>(rounded);
  const T y = fma(half, tail, fma(half, r, half - T(0.5)));
  return copysign(y + y, x);
}

// log(1 + f) for sqrt(1/2) <= 1 + f <= sqrt(2), less its leading terms f - f^2 / 2. Relative to log(1 + f):
// 2^-27, 2^-58.
PLAIT_INLINE float log_tail(float f) {
  return f * f * f *
         poly(f, 0.333333313f, -0.250008225f, 0.200012326f, -0.166232988f, 0.142015561f, -0.131605834f,
              0.127633035f, -0.0763562322f);
}
PLAIT_INLINE double log_tail(double f) {
  // With s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + R(s^2)). The form is Sun's
  // (fdlibm, e_log.c).
  const double s = f / (2.0 + f), z = s * s;
  const double r = z * poly(z, 0.6666666666666735, 0.3999999999940772, 0.2857142874409822, 0.2222219838229732,
                            0.18183574989903817, 0.15313759803433574, 0.1479902920344295);
  return s * fma(0.5 * f, f, r);
}

// exponent * log(2) + log(1 + f)
template <class T>
PLAIT_INLINE T log_of_mantissa(Mantissa<T> m) {
  const T tail = fma(m.exponent, kLn2Low<T>, log_tail(m.f));
  return fma(m.exponent, kLn2High<T>, m.f + fma(T(-0.5) * m.f, m.f, tail));
}
// The same for an f that may be tiny: then nothing is added to it, and no power of it underflows, which would
// take hundreds of cycles.
template <class T>
PLAIT_INLINE T log_of_any_mantissa(Mantissa<T> m) {
  const T f = select(abs(m.f) < (is_float<T> ? T(0x1p-30) : T(0x1p-60)), T(0), m.f);
  const T tail = fma(m.exponent, kLn2Low<T>, log_tail(f));
  return fma(m.exponent, kLn2High<T>, m.f + fma(T(-0.5) * f, f, tail));
}

// What a logarithm is where its formula does not hold: NaN below zero, -inf at zero, x itself at infinity and
// for NaN.
template <class T>
PLAIT_INLINE T log_special(T x, T y) {
  y = select(x < kInfinity<T>, y, x);
  y = select(x < T(0), kNaN<T>, y);
  return select(x == T(0), -kInfinity<T>, y);
}

template <class T>
PLAIT_INLINE T log(T x) {
  return log_special(x, log_of_mantissa(split_mantissa_full(x)));
}

// log(x) / log(base) without losing the bits that a division would: log(1 + f) is split into two parts, and
// so is 1 / log(base).
template <class T>
PLAIT_INLINE T log_in_base(Mantissa<T> m, T inverse_high, T inverse_low, T exponent_high, T exponent_low) {
  const T half_square = T(0.5) * m.f * m.f;
  const T high = upper_part(m.f - half_square);
  const T low = (m.f - high - half_square) + log_tail(m.f);
  const T a = m.exponent * exponent_high, b = high * inverse_high;
  const T sum = a + b;  // |a| >= |b|, or a is zero
  const T rest =
      fma(m.exponent, exponent_low, fma(low + high, inverse_low, fma(low, inverse_high, (a - sum) + b)));
  return sum + rest;
}

PLAIT_INLINE float log2_of_mantissa(Mantissa<float> m) {
  return log_in_base(m, 1.4423828125f, 3.12228396e-04f, 1.0f, 0.0f);
}
PLAIT_INLINE double log2_of_mantissa(Mantissa<double> m) {
  return log_in_base(m, 0x1.71547652p+0, 1.6751713164886512e-10, 1.0, 0.0);
}
PLAIT_INLINE float log10_of_mantissa(Mantissa<float> m) {
  return log_in_base(m, 0.4342041015625f, 9.03803407e-05f, 0.301025390625f, 4.60503907e-06f);
}
PLAIT_INLINE double log10_of_mantissa(Mantissa<double> m) {
  return log_in_base(m, 0x1.bcb7b152p-2, 2.5082946711645275e-11, 0x1.34413509f78p-2, 2.8363394551044964e-14);
}
template <class T>
PLAIT_INLINE T log2(T x) {
  return log_special(x, log2_of_mantissa(split_mantissa_full(x)));
}
template <class T>
PLAIT_INLINE T log10(T x) {
  return log_special(x, log10_of_mantissa(split_mantissa_full(x)));
}

// log(1 + x) for -1 < x < infinity
template <class T>
PLAIT_INLINE T log1p_finite(T x) {
  // The exponent k is that of 1 + x; the mantissa is computed from x itself: f = 2^-k x + (2^-k - 1), nearly
  // exact.
  constexpr UInt<T> kOne = UInt<T>(Format<T>::kBias) << Format<T>::kMantissa;
  const UInt<T> biased = (to_bits(T(1) + x) + (kOne - Format<T>::kSqrtHalf)) >> Format<T>::kMantissa;
  // 2^(2 - k), because 2^-k may be subnormal.
  const T factor = from_bits((UInt<T>(2 * Format<T>::kBias + 2) - biased) << Format<T>::kMantissa);
  const T f = (T(0.25) * factor - T(1)) + (x * factor) * T(0.25);
  return log_of_any_mantissa(Mantissa<T>{f, exponent_to_float<T>(biased)});
}
template <class T>
PLAIT_INLINE T log1p(T x) {
  return copysign(log_special(T(1) + x, log1p_finite(x)), x);
}

// log(1 + x) for 0 <= x <= 1: at most one halving brings 1 + x into the range of the polynomial.
template <class T>
PLAIT_INLINE T log1p_unit(T x) {
  const bool upper = x > T(0.41421356237309503);
  const T f = select(upper, T(0.5) * x - T(0.5), x);
  return log_of_any_mantissa(Mantissa<T>{f, select(upper, T(1), T(0))});
}

}  // namespace
}  // namespace plait::vec
