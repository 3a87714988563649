// Orthogonal polynomials and their derivatives, of numbers, by their recurrences in the degree (Abramowitz
// and Stegun, Handbook of Mathematical Functions, table 22.7): in double, for the host and the device.
//
// Derivatives are polynomials of the same kinds again (DLMF 18.9(iii)): those of the Chebyshev and Legendre
// polynomials are Gegenbauer's, those of Laguerre's are associated ones, those of Hermite's are Hermite's.
#pragma once

#include <cmath>
#include <cstdint>

#include "plait/inline.h"

namespace plait {
namespace fn {

enum class Polynomial : uint8_t {
  ChebyshevT,
  ChebyshevU,
  ChebyshevV,
  ChebyshevW,
  ShiftedChebyshevT,  // of 2 x - 1, and the following
  ShiftedChebyshevU,
  ShiftedChebyshevV,
  ShiftedChebyshevW,
  HermiteH,
  HermiteHe,
  LaguerreL,
  LegendreP,
  Count
};

// What the kernels are asked for.
struct PolynomialDerivative {
  Polynomial polynomial;
  int order;  // 0: the polynomial itself
};

}  // namespace fn

namespace special {

// P_n and P_{n-1}.
struct PolynomialPair {
  double last, before;
};

// P_0 = 1, P_1 = first, P_{k+1} = 2 x P_k - P_{k-1}.
PLAIT_HD inline double chebyshev_recurrence(double x, double first, int64_t n) {
  double before = 1, last = n == 0 ? 1 : first;
  for (int64_t k = 1; k < n; ++k) {
    const double next = 2 * x * last - before;
    before = last;
    last = next;
  }
  return last;
}

// C_n^(lambda) and the one before it, which is 0 for n = 0.
PLAIT_HD inline PolynomialPair gegenbauer(double x, double lambda, int64_t n) {
  double before = 0, last = 1;
  for (int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<double>(i);
    const double next = (2 * (k + lambda) * x * last - (k + 2 * lambda - 1) * before) / (k + 1);
    before = last;
    last = next;
  }
  return {last, before};
}

// L_n^(alpha).
PLAIT_HD inline double laguerre(double x, double alpha, int64_t n) {
  double before = 0, last = 1;
  for (int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<double>(i);
    const double next = ((2 * k + 1 + alpha - x) * last - (k + alpha) * before) / (k + 1);
    before = last;
    last = next;
  }
  return last;
}

// He_n for scale 1, H_n for scale 2.
PLAIT_HD inline double hermite(double x, double scale, int64_t n) {
  double before = 0, last = 1;
  for (int64_t k = 0; k < n; ++k) {
    const double next = scale * (x * last - static_cast<double>(k) * before);
    before = last;
    last = next;
  }
  return last;
}

// The derivative of order 1 or more of Chebyshev's polynomials of the four kinds: T_n' = n U_{n-1},
// V_n = U_n - U_{n-1}, W_n = U_n + U_{n-1}, and U_n is C_n^(1).
PLAIT_HD inline double chebyshev_derivative(fn::Polynomial kind, int order, double x, int64_t n) {
  const bool first_kind = kind == fn::Polynomial::ChebyshevT;
  if (n < order) return 0;
  double factor = first_kind ? static_cast<double>(n) : 1;
  for (int i = 1; i <= order - first_kind; ++i) factor *= 2 * i;
  const PolynomialPair c = gegenbauer(x, order + !first_kind, n - order);
  if (kind == fn::Polynomial::ChebyshevV) return factor * (c.last - c.before);
  if (kind == fn::Polynomial::ChebyshevW) return factor * (c.last + c.before);
  return factor * c.last;
}

PLAIT_HD inline double chebyshev_of_kind(fn::Polynomial kind, int order, double x, int64_t n) {
  if (order > 0) return chebyshev_derivative(kind, order, x, n);
  switch (kind) {
    case fn::Polynomial::ChebyshevT: return chebyshev_recurrence(x, x, n);
    case fn::Polynomial::ChebyshevU: return chebyshev_recurrence(x, 2 * x, n);
    case fn::Polynomial::ChebyshevV: return chebyshev_recurrence(x, 2 * x - 1, n);
    default: return chebyshev_recurrence(x, 2 * x + 1, n);
  }
}

// The derivative with respect to x of a polynomial whose degree is rounded towards zero; 0 of negative
// degrees.
PLAIT_HD inline double evaluate(const fn::PolynomialDerivative& f, double x, double degree) {
  constexpr double kMostCounted = 9e18;  // beyond it int64_t has no such degree
  if (!(degree < kMostCounted)) return std::nan("");
  if (degree <= -1) return 0;
  const auto n = static_cast<int64_t>(degree);
  const int order = f.order;
  if (f.polynomial <= fn::Polynomial::ChebyshevW) return chebyshev_of_kind(f.polynomial, order, x, n);
  if (f.polynomial <= fn::Polynomial::ShiftedChebyshevW) {
    constexpr int shifted = static_cast<int>(fn::Polynomial::ShiftedChebyshevT);
    const auto kind = static_cast<fn::Polynomial>(static_cast<int>(f.polynomial) - shifted);
    return std::ldexp(chebyshev_of_kind(kind, order, 2 * x - 1, n), order);
  }
  if (n < order) return 0;
  double factor = 1;
  switch (f.polynomial) {
    case fn::Polynomial::LaguerreL: return (order % 2 ? -1 : 1) * laguerre(x, order, n - order);
    case fn::Polynomial::LegendreP:
      for (int i = 1; i <= order; ++i) factor *= 2 * i - 1;
      return factor * gegenbauer(x, order + 0.5, n - order).last;
    default: {
      const double scale = f.polynomial == fn::Polynomial::HermiteH ? 2 : 1;
      for (int i = 0; i < order; ++i) factor *= scale * static_cast<double>(n - i);
      return factor * hermite(x, scale, n - order);
    }
  }
}

}  // namespace special
}  // namespace plait
