// Functions around the gamma function, of numbers: Hurwitz's zeta, the polygamma functions, the incomplete
// gamma functions; in double, for the host and the device. Errors are some units in the last place.
#pragma once

#include <cmath>
#include <cstdint>

#include "plait/inline.h"

namespace plait {
namespace fn {

// What the ops of ops/gamma.cpp ask the kernels of a device for.
enum class GammaPair : uint8_t { Zeta, Igamma, Igammac };

}  // namespace fn

namespace special {

// sum (q + k)^-s over k = 0, 1, ... for s > 1, by Euler and Maclaurin (DLMF 25.11.28).
PLAIT_HD inline double zeta(double s, double q) {
  if (s != s || q != q || s < 1) return std::nan("");
  if (s == 1) return INFINITY;
  if (q <= 0) {
    if (q == std::floor(q)) return INFINITY;
    if (s != std::floor(s)) return std::nan("");  // a power of a negative number
  }
  // (2 j)! / B_2j for j = 1, 2, ...
  constexpr double kTerms[] = {12,
                               -720,
                               30240,
                               -1209600,
                               47900160,
                               -1.8924375803183791606e9,
                               7.47242496e10,
                               -2.950130727918164224e12,
                               1.1646782814350067249e14,
                               -4.5979787224074726105e15,
                               1.8152105401943546773e17,
                               -7.1661652561756670113e18};
  if (q > 1e8) return (1 / (s - 1) + 1 / (2 * q)) * std::pow(q, 1 - s);
  double sum = std::pow(q, -s), term = sum;
  for (int i = 0; i < 9 || q <= 9; ++i) {
    q += 1;
    term = std::pow(q, -s);
    sum += term;
    if (std::fabs(term) < std::fabs(sum) * 1e-17) return sum;
  }
  sum += term * q / (s - 1) - term / 2;
  double factor = 1;
  int k = 0;
  for (const double divisor : kTerms) {
    factor *= s + k++;
    term /= q;
    const double t = factor * term / divisor;
    sum += t;
    if (std::fabs(t) < std::fabs(sum) * 1e-17) break;
    factor *= s + k++;
    term /= q;
  }
  return sum;
}

// The derivative of order n >= 1 of digamma: (-1)^(n+1) n! zeta(n+1, x). DLMF 5.15, 25.11.
PLAIT_HD inline double polygamma(int64_t n, double x) {
  const double s = static_cast<double>(n) + 1, sign = n % 2 ? 1 : -1;
  if (x != x) return x;
  if (std::fabs(x) == INFINITY) return x > 0 ? sign * 0.0 : std::nan("");
  double sum;
  if (x > 0) {
    sum = zeta(s, x);
  } else if (x == std::floor(x)) {
    sum = INFINITY;
  } else {
    // The terms below zero are those of the reflected argument, of which finitely many are missing.
    const double f = x - std::floor(x);
    sum = zeta(s, f) + sign * (zeta(s, 1 - f) - zeta(s, 1 - x));
  }
  return sign * std::exp(std::lgamma(s)) * sum;
}

// x^a exp(-x) / gamma(a + 1).
PLAIT_HD inline double gamma_factor(double a, double x) {
  if (a < 10) return std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  // Large powers cancel: a (log(1 + m) - m), m = x / a - 1, remains, and Stirling's series (DLMF 5.11.3).
  const double m = (x - a) / a;
  double phi = 0;
  if (std::fabs(m) < 0.1) {
    double power = m * m;
    for (int k = 2; k < 30; ++k, power *= -m) {
      const double term = power / k;
      phi -= term;
      if (std::fabs(term) < 1e-18 * std::fabs(phi)) break;
    }
  } else {
    phi = std::log1p(m) - m;
  }
  const double r = 1 / (a * a);
  const double series = (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r / 1188)))) / a;
  return std::exp(a * phi - series) / std::sqrt(6.28318530717958647693 * a);
}

// The lower series (DLMF 8.11.4), for x below a + 1; the number of terms grows as sqrt(a).
PLAIT_HD inline double gamma_series(double a, double x, double precision) {
  double sum = 1, term = 1;
  for (double n = a + 1; term > sum * precision; n += 1) {
    term *= x / n;
    sum += term;
  }
  return sum * gamma_factor(a, x);
}

// The upper continued fraction (DLMF 8.9.2), for larger x, by Lentz's method.
PLAIT_HD inline double gamma_fraction(double a, double x, double precision) {
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (double i = 1; i < 1e7; i += 1) {
    const double n = i * (a - i);
    b += 2;
    d = 1 / (n * d + b);
    c = b + n / c;
    const double step = c * d;
    h *= step;
    if (std::fabs(step - 1) < 10 * precision) break;
  }
  return h * a * gamma_factor(a, x);
}

constexpr double kDoublePrecision = 1e-17;
constexpr double kFloatPrecision = 1e-11;  // enough for results that are rounded to float

// P(a, x) and Q(a, x) = 1 - P(a, x), the shares of gamma(a) below and above x. `precision`: what terms are
// left out, relative to the sums.
PLAIT_HD inline double igamma(double a, double x, bool upper, double precision = kDoublePrecision) {
  if (!(a >= 0 && x >= 0)) return std::nan("");
  if (a == 0) return x > 0 ? (upper ? 0 : 1) : std::nan("");
  if (x == 0) return upper ? 1 : 0;
  if (std::isinf(a)) return std::isinf(x) ? std::nan("") : upper ? 1 : 0;
  if (std::isinf(x)) return upper ? 0 : 1;
  if (x < 1 && upper && a < 1) {
    // 1 - P cancels: P = x^a / gamma(a + 1) (1 + a sum (-x)^k / (k! (a + k))) (DLMF 8.7.1).
    double sum = 0, power = 1;
    for (int k = 1; k < 100; ++k) {
      power *= -x / k;
      const double term = power / (a + k);
      sum += term;
      if (std::fabs(term) <= precision * std::fabs(sum)) break;
    }
    const double log_factor = a * std::log(x) - std::lgamma(a + 1);
    return -std::expm1(log_factor) - std::exp(log_factor) * a * sum;
  }
  if (x < a + 1) {
    const double lower = gamma_series(a, x, precision);
    return upper ? 1 - lower : lower;
  }
  const double above = gamma_fraction(a, x, precision);
  return upper ? above : 1 - above;
}

PLAIT_HD inline double evaluate(fn::GammaPair f, double a, double b, double precision = kDoublePrecision) {
  if (f == fn::GammaPair::Zeta) return zeta(a, b);
  return igamma(a, b, f == fn::GammaPair::Igammac, precision);
}

}  // namespace special
}  // namespace plait
