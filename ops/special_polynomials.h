// Orthogonal polynomials and their derivatives, of numbers, by their recurrences in the degree (Abramowitz
// and Stegun, Handbook of Mathematical Functions, table 22.7): in double. `evaluate` is for the device; the
// host takes the same steps for many numbers at once (ops/cpu/polynomials.isa.cpp).
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

// A step of a recurrence: P_{k+1} from P_k and P_{k-1}. P_0 is 1.
PLAIT_INLINE double chebyshev_step(double x, double last, double before) { return 2 * x * last - before; }
// Of C^(lambda); `inverse` is 1 / (k + 1). The polynomial before the first one is 0, here and below.
PLAIT_INLINE double gegenbauer_step(double x, double lambda, double k, double inverse, double last,
                                    double before) {
  return (2 * (k + lambda) * x * last - (k + 2 * lambda - 1) * before) * inverse;
}
// Of L^(alpha).
PLAIT_INLINE double laguerre_step(double x, double alpha, double k, double inverse, double last,
                                  double before) {
  return ((2 * k + 1 + alpha - x) * last - (k + alpha) * before) * inverse;
}
// Of He for scale 1, H for scale 2.
PLAIT_INLINE double hermite_step(double x, double scale, double k, double last, double before) {
  return scale * (x * last - k * before);
}

// What Chebyshev's recurrence has before P_0, which tells the four kinds apart.
PLAIT_INLINE double before_chebyshev(fn::Polynomial kind, double x) {
  switch (kind) {
    case fn::Polynomial::ChebyshevT: return x;
    case fn::Polynomial::ChebyshevU: return 0;
    case fn::Polynomial::ChebyshevV: return 1;
    default: return -1;
  }
}

// P_n and the one before it, by n steps of a recurrence.
template <class Step>
PLAIT_HD inline PolynomialPair recur(double before, int64_t n, const Step& step) {
  double last = 1;
  for (int64_t k = 0; k < n; ++k) {
    const double next = step(static_cast<double>(k), last, before);
    before = last;
    last = next;
  }
  return {last, before};
}
PLAIT_HD inline PolynomialPair gegenbauer(double x, double lambda, int64_t n) {
  return recur(0, n, [=](double k, double last, double before) {
    return gegenbauer_step(x, lambda, k, 1 / (k + 1), last, before);
  });
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
  return recur(before_chebyshev(kind, x), n,
               [=](double, double last, double before) { return chebyshev_step(x, last, before); })
      .last;
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
    case fn::Polynomial::LaguerreL: {
      const double alpha = order;
      return (order % 2 ? -1 : 1) * recur(0, n - order, [=](double k, double last, double before) {
                                      return laguerre_step(x, alpha, k, 1 / (k + 1), last, before);
                                    }).last;
    }
    case fn::Polynomial::LegendreP:
      for (int i = 1; i <= order; ++i) factor *= 2 * i - 1;
      return factor * gegenbauer(x, order + 0.5, n - order).last;
    default: {
      const double scale = f.polynomial == fn::Polynomial::HermiteH ? 2 : 1;
      for (int i = 0; i < order; ++i) factor *= scale * static_cast<double>(n - i);
      return factor * recur(0, n - order, [=](double k, double last, double before) {
                        return hermite_step(x, scale, k, last, before);
                      }).last;
    }
  }
}

}  // namespace special
}  // namespace plait
