#include "emulator/math.h"

namespace emulator {

// Newton's method on a first guess (Giles 2010, "Approximating the erfinv function"): full double precision.
double erfinv(double x) {
  if (!(x > -1 && x < 1)) {
    if (x == 1) return CUDART_INF;
    if (x == -1) return -CUDART_INF;
    return CUDART_NAN;
  }
  if (x == 0) return x;
  const double a = ::fabs(x);
  double y;
  if (a < 0.9) {
    const double w = -::log((1 - a) * (1 + a));
    y = a * (0.886226925452758 + w * (0.2013 + w * 0.01));
    for (int i = 0; i < 6; ++i) y -= (::erf(y) - a) / (M_2_SQRTPI * ::exp(-y * y));
  } else {
    // In the tail erfc keeps the digits that erf loses; its logarithm is nearly a parabola.
    const double q = 1 - a;
    y = ::sqrt(-::log(q));
    for (int i = 0; i < 12; ++i) {
      const double c = ::erfc(y);
      y += c / (M_2_SQRTPI * ::exp(-y * y)) * ::log(c / q);
    }
  }
  return ::copysign(y, x);
}

double normcdfinv(double p) {
  if (!(p > 0 && p < 1)) {
    if (p == 0) return -CUDART_INF;
    if (p == 1) return CUDART_INF;
    return CUDART_NAN;
  }
  if (p > 0.05 && p < 0.95) return M_SQRT2 * erfinv(2 * p - 1);
  // -sqrt(2) erfcinv(2 q), q the smaller tail.
  const double q = 2 * (p < 0.5 ? p : 1 - p);
  double y = ::sqrt(-::log(q));
  for (int i = 0; i < 20; ++i) {
    const double c = ::erfc(y);
    if (c == 0) break;
    y += c / (M_2_SQRTPI * ::exp(-y * y)) * ::log(c / q);
  }
  return p < 0.5 ? -M_SQRT2 * y : M_SQRT2 * y;
}

// exp(x^2) erfc(x); beyond 20 by the continued fraction of erfc.
double erfcx(double x) {
  if (x < 20) {
    const double square = x * x;
    return ::exp(square) * (1 + ::fma(x, x, -square)) * ::erfc(x);
  }
  double fraction = x;
  for (int k = 40; k > 0; --k) fraction = x + 0.5 * k / fraction;
  return 1 / (::sqrt(M_PI) * fraction);
}

double sinpi(double x) {
  if (!std::isfinite(x)) return CUDART_NAN;
  const double r = ::remainder(x, 2.0);  // exact
  if (r == 0 || ::fabs(r) == 1) return ::copysign(0.0, x);
  if (::fabs(r) <= 0.25) return ::sin(M_PI * r);
  if (::fabs(r) >= 0.75) return ::sin(M_PI * (::copysign(1.0, r) - r));
  return ::copysign(::cos(M_PI * (0.5 - ::fabs(r))), r);
}

double cospi(double x) {
  if (!std::isfinite(x)) return CUDART_NAN;
  const double r = ::fabs(::remainder(x, 2.0));
  if (r <= 0.25) return ::cos(M_PI * r);
  if (r >= 0.75) return -::cos(M_PI * (1 - r));
  return r == 0.5 ? 0.0 : ::sin(M_PI * (0.5 - r));
}

namespace {

// The series of the modified Bessel functions: all terms are positive, so nothing cancels.
double bessel_series(double x, int order) {
  const double quarter = 0.25 * x * x;
  double term = order ? 0.5 * x : 1.0, sum = 0;
  for (int k = 1; term > sum * 1e-17 || k < 2; ++k) {
    sum += term;
    term *= quarter / (double(k) * (k + order));
  }
  return sum;
}

// For large |x|: exp(x) / sqrt(2 pi x) times the asymptotic series.
double bessel_tail(double x, int order) {
  const double mu = 4.0 * order * order;
  double term = 1, sum = 0;
  for (int k = 1; k < 40; ++k) {
    sum += term;
    const double odd = 2 * k - 1;
    const double next = -term * (mu - odd * odd) / (k * 8 * x);
    if (::fabs(next) >= ::fabs(term)) break;
    term = next;
  }
  return ::exp(0.5 * x) * (sum / ::sqrt(2 * M_PI * x)) * ::exp(0.5 * x);
}

}  // namespace

double bessel_i0(double x) {
  if (x != x) return x;
  x = ::fabs(x);
  if (std::isinf(x)) return x;
  return x < 40 ? bessel_series(x, 0) : bessel_tail(x, 0);
}

double bessel_i1(double x) {
  if (x != x || x == 0 || std::isinf(x)) return x;
  const double a = ::fabs(x);
  return ::copysign(a < 40 ? bessel_series(a, 1) : bessel_tail(a, 1), x);
}

}  // namespace emulator
