// The error function, its complement and its inverse, and the normal distribution function made of them.
#pragma once

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/explog.h"

namespace plait::vec {
namespace {

// (erf(x) - x) / x as a polynomial in x^2, |x| <= 1. Errors 2^-30, 2^-63.
PLAIT_INLINE float erf_small_tail(float z) {
  return poly(z, 0.128379166f, -0.37612626f, 0.112836003f, -0.0268544406f, 0.00518952636f, -0.000802075432f,
              7.88880061e-05f);
}
PLAIT_INLINE double erf_small_tail(double z) {
  return poly(z, 0.1283791670955126, -0.3761263890318375, 0.11283791670954885, -0.02686617064507782,
              0.005223977624827864, -0.0008548326981391829, 0.00012055331131684297, -1.4925595740638737e-05,
              1.6461007956367986e-06, -1.635039053561025e-07, 1.4660289430137874e-08, -1.1374799966391247e-09,
              5.960415474070302e-11);
}
template <class T>
PLAIT_INLINE T erf_small(T x) {
  return fma(x, erf_small_tail(x * x), x);
}

// erfc(t) exp(t^2) for t >= 0, up to where erfc underflows. With v = 1 / (t + c) it is v P(w), w = (t - c) v,
// which maps [0, inf) to [-1, 1) (Shepherd and Laframboise, Math. Comp. 36, 1981). Errors 2^-28 (c = 2),
// 2^-58 (c = 4).
PLAIT_INLINE float scaled_erfc(float t) {
  const float v = 1.0f / (t + 2.0f), w = (t - 2.0f) * v;
  return v * poly(w, 1.02158272f, -0.687160671f, 0.279471785f, -0.0364417844f, -0.0215057228f, 0.00647587888f,
                  0.00306260563f, -0.000832062855f, -0.000592561555f, 4.69391671e-05f, 6.94801493e-05f);
}
PLAIT_INLINE double scaled_erfc(double t) {
  const double v = 1.0 / (t + 4.0), w = (t - 4.0) * v;
  return v * poly(w, 1.095995661000491, -0.9765487290808821, 0.7732087022652369, -0.540853831313225,
                  0.33085158787802316, -0.17401093724028924, 0.07638151490915479, -0.02637005333462687,
                  0.006112055656699841, -0.0002809589158313096, -0.00045505268833099074,
                  0.0001768130866090665, -3.635151847286506e-06, -1.8861784712070687e-05,
                  4.694337253299265e-06, 1.4260932708805106e-06, -8.460180177328943e-07,
                  -7.797934882136715e-08, 1.2394831296213028e-07, 2.6120102174759937e-09,
                  -1.539529697233583e-08, -3.840753462085868e-10, 1.0172204402055002e-09);
}

// t^2 as a sum of two numbers, since its rounding error would count t^2 times in exp(-t^2).
template <class T>
struct Square {
  T high, low;
};
template <class T>
PLAIT_INLINE Square<T> exact_square(T t) {
#ifdef __FMA__
  const T high = t * t;
  return {high, fma(t, t, -high)};
#else
  const T upper = upper_part(t);
  return {upper * upper, (t - upper) * (t + upper)};
#endif
}

template <class T>
PLAIT_INLINE T erfc_positive(T t) {
  t = at_most(t, is_float<T> ? T(10.1) : T(27.3));
  const Square<T> square = exact_square(t);
  return exp_negative(-square.high, -square.low) * scaled_erfc(t);
}

template <class T>
PLAIT_INLINE T erfc(T x) {
  T y = erfc_positive(abs(x));
  y = select(x < T(0), T(2) - y, y);
  // Near zero the sum is more accurate than the product, but for float, whose product has few terms.
  return is_float<T> ? y : select(abs(x) < T(0.5), T(1) - erf_small(x), y);
}

PLAIT_INLINE float erf(float x) {
  const float a = abs(x);
  // log(erfc(t)), 1 <= t <= 4, where erf rounds to 1. Error relative to erf 2^-30.
  const float g = poly(at_most(a, 4.0f), -0.000339412945f, -1.12709749f, -0.638131559f, -0.103117876f,
                       0.021843195f, -0.00294889393f, 0.000186500416f);
  const float y = select(a < 1.0f, erf_small(a), 1.0f - exp_normal(g));
  return copysign(y, x);
}
PLAIT_INLINE double erf(double x) {
  const double a = abs(x), t = at_most(a, 6.0);
  const Square<double> square = exact_square(t);
  const double y = 1.0 - exp_normal(-square.high, -square.low) * scaled_erfc(t);
  return copysign(select(a < 1.0, erf_small(a), y), x);
}

// erfinv(x) / x as polynomials in w = -log(1 - x^2): for w < 5 and beyond it, there in sqrt(w). The split is
// that of Giles, "Approximating the erfinv function", GPU Computing Gems, 2010. Errors 2^-27; the tail's
// double form reaches w = 37 (2^-22).
template <class T>
PLAIT_INLINE T erfinv_middle(T w) {
  return poly(w - T(2.5), T(1.50140941), T(0.24664028), T(-0.00417738687), T(-0.0012527419), T(0.00021834443),
              T(-4.96333769e-06), T(-3.46270394e-06), T(4.66168245e-07), T(2.32326425e-08),
              T(-8.79086759e-09));
}
PLAIT_INLINE float erfinv_tail(float root) {
  return poly(root - 3.0f, 2.83297682f, 1.00167513f, 0.00944568496f, -0.00763940951f, 0.00568316923f,
              -0.0035869889f, 0.00149586471f, -7.6620563e-05f, -0.000318729581f, 0.000128966989f);
}
PLAIT_INLINE double erfinv_tail(double root) {
  return poly(root - 4.0, 3.83978439865, 1.0094942791, 0.00124843514061, -0.00087635395984, 0.000356873806947,
              -0.000105979944511, 1.32169030441e-05, -3.76245517068e-05, 4.1774722845e-05, -1.02876233906e-05,
              -2.58698714639e-06, 9.91421082756e-07);
}
template <class T>
PLAIT_INLINE T erfinv_estimate(T a) {
  const T w = -log((T(1) - a) * (T(1) + a));
  return a * select(w < T(5), erfinv_middle(w), erfinv_tail(sqrt(w)));
}

PLAIT_INLINE float erfinv(float x) {
  const float a = abs(x);
  const float y = erfinv_estimate(a);
  const float at_end = select(a == 1.0f, kInfinity<float>, kNaN<float>);
  return copysign(select(a < 1.0f, y, at_end), x);
}
PLAIT_INLINE double erfinv(double x) {
  const double a = abs(x);
  const double y = erfinv_estimate(a);
  // One step of Halley's method; near 1 on the complement, which is exact there. (erf(1) is 0.8427.)
  const double error = select(a < 0.84, erf_small(y) - a, (1.0 - a) - erfc_positive(y));
  const double f = error * 0.886226925452758 * exp(y * y);
  const double refined = y - f / fma(y, f, 1.0);
  const double at_end = select(a == 1.0, kInfinity<double>, kNaN<double>);
  return copysign(select(a < 1.0, refined, at_end), x);
}

// erfc(a / sqrt(2)) exp(a^2 / 2) 2^-65 for a >= 0, up to where the normal distribution underflows. In float a
// quotient of polynomials with positive coefficients, so that nothing cancels: error 2^-27.3.
PLAIT_INLINE float scaled_normal_tail(float a) {
  constexpr float k = 0x1p-64f;
  const float p =
      fma(fma(fma(fma(a, k * 0.0041087017f, k * 0.040582053f), a, k * 0.18308345f), a, k * 0.43809038f), a,
          k * 0.5f);
  const float q =
      fma(fma(fma(fma(fma(a, 0.010298867f, 0.10173064f), a, 0.46907015f), a, 1.2018734f), a, 1.6740657f), a,
          1.0f);
  return p / q;
}
PLAIT_INLINE double scaled_normal_tail(double a) { return 0x1p-65 * scaled_erfc(a * 0.7071067811865476); }

// For GELU: a = |x|, up to where the rest is zero; the standard normal distribution function at -a, accurate
// however small it is; and the density.
template <class T>
struct Normal {
  T a, tail, density;
};
template <class T>
PLAIT_INLINE Normal<T> normal_distribution(T x) {
  // Beyond the end exp() below is an exact zero, as that of kExpNegativeMin.
  const T a = at_most(abs(x), is_float<T> ? T(16.27) : T(38.82));
  const Square<T> square = exact_square(a);
  // exp(-a^2 / 2) 2^64, which is a normal number where the function itself is not.
  const T e = exp_normal<64>(T(-0.5) * square.high, T(-0.5) * square.low);
  return {a, e * scaled_normal_tail(a), e * T(0.3989422804014327 * 0x1p-64)};
}

}  // namespace
}  // namespace plait::vec
