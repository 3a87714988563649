// Orthogonal polynomials and their derivatives: the recurrences of ops/special_polynomials.h, each step taken
// for a block of numbers at once. Numbers of lower degrees than the block's highest stop on the way.
#include "ops/cpu/polynomials.h"

#include "ops/cpu/rows.h"
#include "ops/special_polynomials.h"

namespace plait::cpu {
namespace {

using fn::Polynomial;
using fn::PolynomialDerivative;

constexpr int64_t kNumbers = 128;
constexpr double kMostCounted = 9e18;  // as in special::evaluate

struct Numbers {
  double x[kNumbers], degree[kNumbers], last[kNumbers], before[kNumbers];
  int64_t n;
};

// Takes degree - order steps.
template <class Step>
__attribute__((noinline)) void recur(Numbers& b, double order, const Step step) {
  // Numbers of at least 0 are ordered as their bits are; of integers compilers find the largest by vectors.
  int64_t bits = 0;
  for (int64_t i = 0; i < b.n; ++i) {
    const auto of = static_cast<int64_t>(vec::to_bits(b.degree[i]));
    bits = of > bits ? of : bits;
  }
  const double most = vec::from_bits(static_cast<vec::UInt<double>>(bits));
  for (double k = 0; k < most - order; k += 1) {
    const double inverse = 1 / (k + 1);
#pragma GCC ivdep
    for (int64_t i = 0; i < b.n; ++i) {
      const double last = b.last[i], before = b.before[i];
      const double next = step(b.x[i], k, inverse, last, before);
      const bool taken = k < b.degree[i] - order;
      b.last[i] = vec::select(taken, next, last);
      b.before[i] = vec::select(taken, last, before);
    }
  }
}
void gegenbauer(Numbers& b, double order, double lambda) {
  recur(b, order, [=](double x, double k, double inverse, double last, double before) {
    return special::gegenbauer_step(x, lambda, k, inverse, last, before);
  });
}

// last = factor * last + by_before * before.
void combine(Numbers& b, double factor, double by_before = 0) {
  if (factor == 1 && by_before == 0) return;
  for (int64_t i = 0; i < b.n; ++i)
    b.last[i] = by_before == 0 ? factor * b.last[i] : factor * b.last[i] + by_before * b.before[i];
}

void chebyshev(Numbers& b, Polynomial kind, int order) {
  if (order == 0) {
    for (int64_t i = 0; i < b.n; ++i) b.before[i] = special::before_chebyshev(kind, b.x[i]);
    recur(b, 0, [](double x, double, double, double last, double before) {
      return special::chebyshev_step(x, last, before);
    });
    return;
  }
  const bool first_kind = kind == Polynomial::ChebyshevT;
  gegenbauer(b, order, order + !first_kind);
  double factor = 1;
  for (int i = 1; i <= order - first_kind; ++i) factor *= 2 * i;
  combine(b, factor, kind == Polynomial::ChebyshevV ? -factor : kind == Polynomial::ChebyshevW ? factor : 0);
  if (first_kind)
    for (int64_t i = 0; i < b.n; ++i) b.last[i] *= b.degree[i];
}

void hermite(Numbers& b, int order, double scale) {
  recur(b, order, [=](double x, double k, double, double last, double before) {
    return special::hermite_step(x, scale, k, last, before);
  });
  for (int j = 0; j < order; ++j)
    for (int64_t i = 0; i < b.n; ++i) b.last[i] *= scale * (b.degree[i] - j);
}

void evaluate(const PolynomialDerivative& f, Numbers& b) {
  constexpr int kShifted = static_cast<int>(Polynomial::ShiftedChebyshevT);
  const int order = f.order;
  double factor = 1;
  switch (f.polynomial) {
    case Polynomial::LaguerreL:
      recur(b, order, [=](double x, double k, double inverse, double last, double before) {
        return special::laguerre_step(x, order, k, inverse, last, before);
      });
      combine(b, order % 2 ? -1 : 1);
      break;
    case Polynomial::LegendreP:
      gegenbauer(b, order, order + 0.5);
      for (int i = 1; i <= order; ++i) factor *= 2 * i - 1;
      combine(b, factor);
      break;
    case Polynomial::HermiteH: hermite(b, order, 2); break;
    case Polynomial::HermiteHe: hermite(b, order, 1); break;
    default:
      if (f.polynomial <= Polynomial::ChebyshevW) return chebyshev(b, f.polynomial, order);
      for (int64_t i = 0; i < b.n; ++i) b.x[i] = 2 * b.x[i] - 1;
      chebyshev(b, static_cast<Polynomial>(static_cast<int>(f.polynomial) - kShifted), order);
      for (int i = 0; i < order; ++i) factor *= 2;
      combine(b, factor);
  }
}

// The results: 0 of degrees below the order, NaN of what is no degree.
__attribute__((noinline)) void polynomials(const PolynomialDerivative& f, Numbers& b) {
  double degree[kNumbers];
  for (int64_t i = 0; i < b.n; ++i) {
    const bool none = !(b.degree[i] < kMostCounted);
    degree[i] = b.degree[i];
    b.degree[i] = vec::select(none, 0.0, vec::trunc(degree[i]));
    b.last[i] = 1;
    b.before[i] = 0;
  }
  evaluate(f, b);
  const double least = f.order == 0 ? -1 : f.order;
  for (int64_t i = 0; i < b.n; ++i) {
    const bool none = !(degree[i] < kMostCounted);
    const bool zero = f.order == 0 ? degree[i] <= least : degree[i] < least;
    b.last[i] = vec::select(none, vec::kNaN<double>, vec::select(zero, 0.0, b.last[i]));
  }
}

struct Polynomials {
  explicit Polynomials(const void* params) : f(*static_cast<const PolynomialDerivative*>(params)) {}
  template <class T>
  PLAIT_INLINE void block(T* y, int64_t n, const T* x, const double* degree) const {
    Numbers b;
    for (int64_t begin = 0; begin < n; begin += kNumbers) {
      b.n = n - begin < kNumbers ? n - begin : kNumbers;
      for (int64_t i = 0; i < b.n; ++i) {
        b.x[i] = static_cast<double>(x[begin + i]);
        b.degree[i] = degree[begin + i];
      }
      polynomials(f, b);
      for (int64_t i = 0; i < b.n; ++i) y[begin + i] = static_cast<T>(b.last[i]);
    }
  }
  PolynomialDerivative f;
};

constexpr PolynomialTable make_table() {
  PolynomialTable t{};
  const auto fill = [&]<class... T>(Types<T...>) {
    ((t.loop[static_cast<int>(dtype_of<T>)] = &elementwise<Polynomials, T, T, double>), ...);
  };
  fill(Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const PolynomialTable polynomial_table = make_table();
}

}  // namespace plait::cpu
