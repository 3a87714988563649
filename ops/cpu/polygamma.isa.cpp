// Polygamma functions as vector code: special::polygamma with the terms of its sums taken for a block of
// numbers at once, and integer powers by multiplication.
#include "ops/cpu/polygamma.h"

#include <cmath>

#include "ops/cpu/rows.h"
#include "ops/special_gamma.h"

namespace plait::cpu {
namespace {

constexpr int64_t kNumbers = 128;
constexpr int64_t kMostVector =
    30;                     // the largest order: beyond it powers would leave the range of doubles first
constexpr int kSteps = 10;  // terms that are summed before the asymptotic series
constexpr int kTerms = 10;  // of that

// power = base^exponent; base is overwritten.
void raise(double* power, double* base, int64_t n, int64_t exponent) {
  for (int64_t i = 0; i < n; ++i) power[i] = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1)
      for (int64_t i = 0; i < n; ++i) power[i] *= base[i];
    for (int64_t i = 0; i < n; ++i) base[i] *= base[i];
  }
}

// B_2j / (2j)! s (s + 1) ... (s + 2j - 2) for j = 1, 2, ...: Euler and Maclaurin's series (DLMF 25.11.28).
struct Series {
  explicit Series(int64_t s) {
    constexpr double kDivisors[kTerms] = {12,
                                          -720,
                                          30240,
                                          -1209600,
                                          47900160,
                                          -1.8924375803183791606e9,
                                          7.47242496e10,
                                          -2.950130727918164224e12,
                                          1.1646782814350067249e14,
                                          -4.5979787224074726105e15};
    double factor = static_cast<double>(s);
    for (int j = 0; j < kTerms; ++j) {
      terms[j] = factor / kDivisors[j];
      factor *= static_cast<double>((s + 2 * j + 1) * (s + 2 * j + 2));
    }
  }
  double terms[kTerms];
};

// sum += factor * zeta(s, q), of q >= 0 and integers s >= 2.
__attribute__((noinline)) void add_zeta(double* sum, double factor, int64_t s, const double* q, int64_t n) {
  const Series series(s);
  const double integral = 1 / static_cast<double>(s - 1);
  double total[kNumbers], inverse[kNumbers], base[kNumbers], power[kNumbers];
  for (int64_t i = 0; i < n; ++i) total[i] = 0;
  for (int k = 0; k <= kSteps; ++k) {
    for (int64_t i = 0; i < n; ++i) base[i] = inverse[i] = 1 / (q[i] + k);
    raise(power, base, n, s - 1);
    if (k == kSteps) break;
    for (int64_t i = 0; i < n; ++i) total[i] += power[i] * inverse[i];
  }
  for (int64_t i = 0; i < n; ++i) {
    const double r = inverse[i], r2 = r * r;
    double rest = series.terms[kTerms - 1];
    for (int j = kTerms - 2; j >= 0; --j) rest = rest * r2 + series.terms[j];
    sum[i] += factor * (total[i] + power[i] * (integral + r * (0.5 + r * rest)));
  }
}

__attribute__((noinline)) void evaluate(int64_t order, double* y, const double* x, int64_t n) {
  const int64_t s = order + 1;
  const double sign = order % 2 ? 1 : -1;
  double factorial = 1;
  for (int64_t k = 2; k <= order; ++k) factorial *= static_cast<double>(k);
  double first[kNumbers] = {};
  bool negative = false;
  for (int64_t i = 0; i < n; ++i) {
    first[i] = vec::select(x[i] > 0, x[i], x[i] - vec::floor(x[i]));
    negative |= x[i] <= 0;
    y[i] = 0;
  }
  add_zeta(y, 1, s, first, n);
  if (negative) {
    // The terms below zero are those of the reflected argument, of which finitely many are missing.
    double reflected[kNumbers], others[kNumbers];
    for (int64_t i = 0; i < n; ++i) {
      others[i] = 0;
      reflected[i] = 1 - first[i];
    }
    add_zeta(others, sign, s, reflected, n);
    for (int64_t i = 0; i < n; ++i) reflected[i] = 1 - x[i];
    add_zeta(others, -sign, s, reflected, n);
    for (int64_t i = 0; i < n; ++i) y[i] += vec::select(x[i] > 0, 0.0, others[i]);
  }
  for (int64_t i = 0; i < n; ++i) y[i] *= sign * factorial;
}

struct Polygamma {
  explicit Polygamma(const void* params) : order(*static_cast<const int64_t*>(params)) {}
  template <class T>
  PLAIT_INLINE void block(T* y, int64_t n, const T* x) const {
    if (order > kMostVector) {
      for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(special::polygamma(order, x[i]));
      return;
    }
    double from[kNumbers], to[kNumbers];
    for (int64_t begin = 0; begin < n; begin += kNumbers) {
      const int64_t m = n - begin < kNumbers ? n - begin : kNumbers;
      for (int64_t i = 0; i < m; ++i) from[i] = x[begin + i];
      evaluate(order, to, from, m);
      for (int64_t i = 0; i < m; ++i) y[begin + i] = static_cast<T>(to[i]);
    }
  }
  int64_t order;
};

constexpr PolygammaTable make_table() {
  PolygammaTable t{};
  const auto fill = [&]<class... T>(Types<T...>) {
    ((t.loop[static_cast<int>(dtype_of<T>)] = &elementwise<Polygamma, T, T>), ...);
  };
  fill(Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const PolygammaTable polygamma_table = make_table();
}

}  // namespace plait::cpu
