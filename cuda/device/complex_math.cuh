// Functions of complex numbers, in double: complex64 is rounded from it, which spares it every overflow in
// between. Out of line: one copy of the code serves all kernels. Branch cuts and signed zeros as in C's
// <complex.h>.
#pragma once

#include "cuda/device/complex.cuh"
#include "cuda/device/math.cuh"

namespace plait::cuda::complex_math {

using C = Complex<double>;

static constexpr double kLn2 = 0.6931471805599453, kLn10 = 2.302585092994046, kHalfPi = 1.5707963267948966;

__device__ __forceinline__ bool is_finite(double x) { return ::fabs(x) < math::infinity<double>(); }
__device__ __forceinline__ bool is_infinite(double x) { return ::fabs(x) == math::infinity<double>(); }
__device__ __forceinline__ C conj(C z) { return {z.re, -z.im}; }
// Real and imaginary part exchanged: asin is asinh between two of these, atan is atanh.
__device__ __forceinline__ C swapped(C z) { return {z.im, z.re}; }

inline __device__ __noinline__ C exp(C z) {
  if (z.im == 0) return {::exp(z.re), z.im};
  if (z.re == -math::infinity<double>() && !is_finite(z.im)) return {0.0, 0.0};
  if (z.re == math::infinity<double>() && !is_finite(z.im)) return {z.re, z.im - z.im};
  double sine, cosine;
  ::sincos(z.im, &sine, &cosine);
  if (z.re > 709) {  // exp may overflow where the product does not
    const double half = ::exp(0.5 * z.re);
    return {half * cosine * half, half * sine * half};
  }
  const double e = ::exp(z.re);
  return {e * cosine, e * sine};
}

inline __device__ __noinline__ C log(C z) {
  const double x = ::fabs(z.re), y = ::fabs(z.im), large = x > y ? x : y, small = x > y ? y : x;
  double length;
  if (large > 0.5 && large < 2)  // |z|^2 - 1 without cancellation
    length = 0.5 * ::log1p(math::fma(small, small, (large - 1) * (large + 1)));
  else
    length = ::log(::hypot(z.re, z.im));
  return {length, ::atan2(z.im, z.re)};
}

// As in FreeBSD's msun (s_csqrt.c).
inline __device__ __noinline__ C sqrt(C z) {
  double x = z.re, y = z.im;
  if (x == 0 && y == 0) return {0.0, y};
  if (is_infinite(y)) return {math::infinity<double>(), y};
  if (is_infinite(x)) {
    const double other = y - y;  // 0, or NaN
    if (x < 0) return {::fabs(other), ::copysign(x, y)};
    return {x, ::copysign(other, y)};
  }
  double scale = 1;
  if (::fabs(x) > 7e307 || ::fabs(y) > 7e307) {
    x *= 0.25;
    y *= 0.25;
    scale = 2;
  } else if (::fabs(x) < 1e-290 && ::fabs(y) < 1e-290) {
    x *= 0x1p108;
    y *= 0x1p108;
    scale = 0x1p-54;
  }
  const double t = ::sqrt((::fabs(x) + ::hypot(x, y)) * 0.5);
  if (x >= 0) return {t * scale, y / (2 * t) * scale};
  return {::fabs(y) / (2 * t) * scale, ::copysign(t, y) * scale};
}

inline __device__ __noinline__ C sinh(C z) {
  if (z.im == 0) return {::sinh(z.re), z.im};
  double sine, cosine;
  ::sincos(z.im, &sine, &cosine);
  if (::fabs(z.re) > 709) {  // as in exp
    const double half = ::exp(0.5 * ::fabs(z.re));
    return {::copysign(0.5 * half, z.re) * cosine * half, 0.5 * half * sine * half};
  }
  return {z.re == 0 ? z.re : ::sinh(z.re) * cosine, ::cosh(z.re) * sine};
}
inline __device__ __noinline__ C cosh(C z) {
  if (z.im == 0) return {::cosh(z.re), z.re * z.im};
  double sine, cosine;
  ::sincos(z.im, &sine, &cosine);
  if (::fabs(z.re) > 709) {
    const double half = ::exp(0.5 * ::fabs(z.re));
    return {0.5 * half * cosine * half, ::copysign(0.5 * half, z.re) * sine * half};
  }
  return {::cosh(z.re) * cosine, z.re == 0 ? z.re * sine : ::sinh(z.re) * sine};
}
// W. Kahan, "Branch cuts for complex elementary functions", 1987, as are the inverses below.
inline __device__ __noinline__ C tanh(C z) {
  if (::fabs(z.re) >= 22) {
    double sine, cosine;
    ::sincos(z.im, &sine, &cosine);
    const double e = ::exp(-::fabs(z.re));
    return {::copysign(1.0, z.re), is_finite(z.im) ? 4 * sine * cosine * e * e : ::copysign(0.0, z.im)};
  }
  const double t = ::tan(z.im), beta = 1 + t * t, s = ::sinh(z.re), rho = ::sqrt(1 + s * s);
  const double denominator = 1 + beta * s * s;
  return {beta * rho * s / denominator, t / denominator};
}

inline __device__ __noinline__ C asin(C z) {
  const C a = sqrt(C(1 - z.re, -z.im)), b = sqrt(C(1 + z.re, z.im));
  return {::atan2(z.re, a.re * b.re - a.im * b.im), ::asinh(a.re * b.im - a.im * b.re)};
}
inline __device__ __noinline__ C acos(C z) {
  const C a = sqrt(C(1 - z.re, -z.im)), b = sqrt(C(1 + z.re, z.im));
  return {2 * ::atan2(a.re, b.re), ::asinh(b.re * a.im - b.im * a.re)};
}
inline __device__ __noinline__ C acosh(C z) {
  const C a = sqrt(C(z.re - 1, z.im)), b = sqrt(C(z.re + 1, z.im));
  return {::asinh(a.re * b.re + a.im * b.im), 2 * ::atan2(a.im, b.re)};
}
inline __device__ __noinline__ C atanh(C z) {
  const double x = z.re, y = z.im;
  if (::fabs(x) > 1e150 || ::fabs(y) > 1e150) {  // 1 / z
    if (is_infinite(x) || is_infinite(y)) return {::copysign(0.0, x), ::copysign(kHalfPi, y)};
    const double larger = ::fabs(x) > ::fabs(y) ? ::fabs(x) : ::fabs(y), u = x / larger, v = y / larger;
    return {u / (u * u + v * v) / larger, ::copysign(kHalfPi, y)};
  }
  if (y == 0 && ::fabs(x) <= 1) return {::atanh(x), y};
  const double distance = (1 - ::fabs(x)) * (1 - ::fabs(x)) + y * y;
  const double re = ::copysign(0.25 * ::log1p(4 * ::fabs(x) / distance), x);
  // (1 - x^2) - y^2 by its factors; on the cuts the sign of y chooses the side.
  const double below = (1 - ::fabs(x)) * (1 + ::fabs(x)) - y * y;
  return {re, 0.5 * ::atan2(2 * y, below)};
}
__device__ __forceinline__ C asinh(C z) { return swapped(asin(swapped(z))); }
__device__ __forceinline__ C atan(C z) { return swapped(atanh(swapped(z))); }
// sin z = sinh(i z) / i: with z exchanged, and so exchanged back.
__device__ __forceinline__ C sin(C z) { return swapped(sinh(swapped(z))); }
__device__ __forceinline__ C tan(C z) { return swapped(tanh(swapped(z))); }
__device__ __forceinline__ C cos(C z) { return cosh(C(-z.im, z.re)); }

__device__ __forceinline__ C expm1(C z) {
  // exp(x) cos(y) - 1 = expm1(x) cos(y) - 2 sin(y/2)^2, without cancellation near zero
  const double s = ::sin(0.5 * z.im);
  return {::expm1(z.re) * ::cos(z.im) - 2 * s * s, ::exp(z.re) * ::sin(z.im)};
}
__device__ __forceinline__ C log1p(C z) {
  if (::fabs(z.re) > 1000 || ::fabs(z.im) > 1000) return log(C{1 + z.re, z.im});  // squares may overflow
  return {0.5 * ::log1p(z.re * (2 + z.re) + z.im * z.im), ::atan2(z.im, 1 + z.re)};
}
__device__ __forceinline__ C pow(C x, C y) {
  if (y == C(0)) return C(1);
  if (x == C(0) && y.im == 0 && y.re > 0) return C(0);
  return exp(y * log(x));
}

}  // namespace plait::cuda::complex_math
