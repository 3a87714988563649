// Every function of the vector maths against long double libm: floats densely over all their values, doubles
// at special and random ones, with the error in units in the last place.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.h"
#include "vecmath_kernels.h"

namespace {

using Real = long double;

// The error of `got` in units in the last place of the larger of |want| and `scale`, or infinity where NaN,
// infinities, or the signs of zeros do not agree.
template <class T>
double error_in_ulps(T got, Real want, Real scale, bool any_zero) {
  const double wrong = std::numeric_limits<double>::infinity();
  const T rounded = static_cast<T>(want);
  if (std::isnan(rounded) || std::isnan(got)) return std::isnan(rounded) && std::isnan(got) ? 0 : wrong;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : wrong;
  if (rounded == 0 && got == 0) return any_zero || std::signbit(rounded) == std::signbit(got) ? 0 : wrong;
  int exponent;
  std::frexp(std::max(std::fabs(want), scale), &exponent);
  const int unit = std::max(exponent - std::numeric_limits<T>::digits,
                            std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<Real>(got) - want) / std::ldexp(Real(1), unit));
}

// The largest term of the sum that a function is, below which its error is not to be measured; `tiny` is the
// smallest normal number: a factor that underflows leaves no relative accuracy to its multiples.
using Scale = Real (*)(Real x, Real tiny);
Real no_scale(Real, Real) { return 0; }

struct Reference {
  const char* name;
  Real (*f)(Real);
  double bound32, bound64;  // ULPs
  Scale scale = no_scale;
  bool any_zero = false;
};

Real sigmoid(Real x) { return x > 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }
Real softplus(Real x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }
Real normal_cdf(Real x) { return 0.5L * erfcl(-x * sqrtl(0.5L)); }
Real normal_pdf(Real x) { return expl(-x * x / 2) * 0.39894228040143267793994605993L; }
Real gelu_argument(Real x) { return 0.79788456080286535587989211986L * (x + 0.044715L * x * x * x); }
Real silu_grad(Real x) { return sigmoid(x) * (1 + x * (1 - sigmoid(x))); }
Real gelu_tanh_grad(Real x) {
  const Real s = sigmoid(2 * gelu_argument(x));
  return s + x * s * (1 - s) * 2 * 0.79788456080286535587989211986L * (1 + 3 * 0.044715L * x * x);
}
// Bisection would do; this is Newton's method on whichever of erf and erfc loses nothing.
Real erfinv(Real x) {
  const Real a = fabsl(x);
  if (!(a < 1))
    return a == 1 ? x * std::numeric_limits<Real>::infinity() : std::numeric_limits<Real>::quiet_NaN();
  Real y = a < 0.9L ? 0.886L * a : 0.9L * sqrtl(-log1pl(-a * a));
  for (int i = 0; i < 60; ++i) {
    const Real error = a < 0.5L ? erfl(y) - a : (1 - a) - erfcl(y);
    const Real f = error * 0.88622692545275801364908374167L * expl(y * y);
    const Real step = std::min(std::max(f / (1 + y * f), -0.5L), 0.5L);
    y -= step;
    if (fabsl(step) <= 1e-19L * y) break;
  }
  return copysignl(y, x);
}

const Reference kReferences[] = {
    {"exp", expl, 1.1, 1.1},
    {"exp2", exp2l, 1.3, 1.6},
    {"expm1", expm1l, 1.3, 1.4},
    {"log", logl, 0.8, 0.8},
    {"log2", log2l, 0.8, 1.2},
    {"log10", log10l, 0.8, 1.2},
    {"log1p", log1pl, 1.4, 1.3},
    {"sin", sinl, 1.6, 0.9},
    {"cos", cosl, 1.6, 0.9},
    {"tan", tanl, 2.4, 2.1},
    {"asin", asinl, 1.2, 1.2},
    {"acos", acosl, 1.2, 1.2},
    {"atan", atanl, 1.3, 1.3},
    {"sinh", sinhl, 1.6, 1.6},
    {"cosh", coshl, 1.6, 1.5},
    {"tanh", tanhl, 2.5, 2.4},
    {"asinh", asinhl, 0.6, 1.7},
    {"acosh", acoshl, 0.6, 2.3},
    {"atanh", atanhl, 0.6, 1.8},
    {"erf", erfl, 1.4, 1.5},
    {"erfc", erfcl, 5.3, 6},
    {"erfinv", erfinv, 4, 3.2},
    {"sigmoid", sigmoid, 2.4, 2.4},
    {"softplus", softplus, 1.7, 1.7},
    {"log_sigmoid", [](Real x) { return -softplus(-x); }, 1.7, 1.7, no_scale, true},
    {"silu", [](Real x) { return x * sigmoid(x); }, 3, 3, [](Real x, Real tiny) { return fabsl(x) * tiny; }},
    {"silu_grad", silu_grad, 4, 4,
     [](Real x, Real tiny) { return (1 + fabsl(x)) * std::max(sigmoid(x), tiny); }, true},
    // tanh(softplus(x)) is exp(x) in the tail.
    {"mish", [](Real x) { return x * tanhl(softplus(x)); }, 5, 5,
     [](Real x, Real tiny) { return fabsl(x) * tiny; }},
    {"gelu_erf", [](Real x) { return x * normal_cdf(x); }, 6, 7,
     [](Real x, Real tiny) { return fabsl(x) * tiny; }},
    {"gelu_erf_grad", [](Real x) { return fabsl(x) > 100 ? Real(x > 0) : normal_cdf(x) + x * normal_pdf(x); },
     6, 7,
     [](Real x, Real tiny) {
       return std::max({normal_cdf(x), fabsl(x) * normal_pdf(x), fabsl(x) * tiny});
     },
     true},
    // The rounding error of the exponent 2 u counts 2 u times in the tail.
    {"gelu_tanh", [](Real x) { return x * sigmoid(2 * gelu_argument(x)); }, 5, 5,
     [](Real x, Real tiny) {
       const Real u = 2 * gelu_argument(x);
       return fabsl(x) * std::max(sigmoid(u) * std::max(1.0L, fabsl(u)), tiny);
     },
     true},
    {"gelu_tanh_grad", [](Real x) { return fabsl(x) > 100 ? Real(x > 0) : gelu_tanh_grad(x); }, 5, 5,
     [](Real x, Real tiny) {
       const Real u = 2 * gelu_argument(x), s = sigmoid(u), rest = (1 - s) * fabsl(x) * (1 + x * x);
       return std::max(s * std::max(1.0L, fabsl(u)) * (1 + rest), (1 + fabsl(x) * (1 + x * x)) * tiny);
     },
     true},
    {"floor", floorl, 0, 0},
    {"ceil", ceill, 0, 0},
    {"trunc", truncl, 0, 0},
    {"round", nearbyintl, 0, 0},
    {"sqrt", sqrtl, 0.5, 0.5},
    {"rsqrt", [](Real x) { return 1 / sqrtl(x); }, 1.5, 1.5},
};

const Reference& reference(std::string name) {
  name = name.substr(0, name.find(','));  // "sin, one by one" is a sine
  for (const Reference& r : kReferences) {
    if (name == r.name) return r;
  }
  FAIL("no reference for " << name);
  return kReferences[0];
}

template <class T>
const std::vector<T>& special_values() {
  static const std::vector<T> values = [] {
    using L = std::numeric_limits<T>;
    std::vector<T> v = {0,        L::denorm_min(), L::min() / 2,  L::min(), L::epsilon(),
                        L::max(), L::infinity(),   L::quiet_NaN()};
    for (double x : {1e-30,
                     1e-8,
                     0.1,
                     0.25,
                     0.5,
                     0.84,
                     1.0,
                     1.5,
                     2.0,
                     2.5,
                     3.0,
                     7.0,
                     10.1,
                     27.3,
                     86.0,
                     88.7228,
                     89.0,
                     104.0,
                     127.0,
                     128.0,
                     150.0,
                     708.4,
                     709.78,
                     710.5,
                     745.2,
                     746.0,
                     1023.0,
                     1024.0,
                     1075.0,
                     131072.0,
                     4194304.0,
                     1e9,
                     1e22,
                     0.7853981633974483,
                     1.5707963267948966,
                     3.141592653589793,
                     6.283185307179586,
                     0.34657359,
                     0.41421356237309503,
                     0.5463024898437905,
                     0.7071067811865476,
                     2.414213562373095}) {
      v.push_back(static_cast<T>(x));
    }
    const size_t count = v.size();
    for (size_t i = 0; i < count; ++i) {
      v.push_back(std::nextafter(v[i], L::infinity()));
      v.push_back(std::nextafter(v[i], T(0)));
    }
    const size_t positive = v.size();
    for (size_t i = 0; i < positive; ++i) v.push_back(-v[i]);
    return v;
  }();
  return values;
}

// Special values, then random ones of every kind of magnitude.
template <class T>
std::vector<T> sample_values(int count, uint64_t seed) {
  std::vector<T> v = special_values<T>();
  std::mt19937_64 random(seed);
  auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(random() >> 11) * 0x1p-53);
  };
  for (int i = 0; i < count; ++i) {
    switch (i % 8) {
      case 0: {
        const uint64_t bits = random();
        T x;
        std::memcpy(&x, &bits, sizeof x);
        v.push_back(x);
        break;
      }
      case 1: v.push_back(static_cast<T>(uniform(-1, 1))); break;
      case 2: v.push_back(static_cast<T>(uniform(-4, 4))); break;
      case 3: v.push_back(static_cast<T>(uniform(-40, 40))); break;
      case 4: v.push_back(static_cast<T>(uniform(-800, 800))); break;
      case 5: v.push_back(static_cast<T>(uniform(-150000, 150000))); break;
      case 6: v.push_back(static_cast<T>(uniform(0.9, 1.1))); break;
      default: v.push_back(static_cast<T>(std::ldexp(uniform(-1, 1), static_cast<int>(random() % 120) - 60)));
    }
  }
  return v;
}

template <class T>
void check(const char* isa, const char* type, const std::string& name, const Reference& r, double bound,
           const std::vector<T>& x, const std::vector<T>& y) {
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const Real v = x[i];
    const double e = error_in_ulps(
        y[i], r.f(v), std::isfinite(v) ? r.scale(v, std::numeric_limits<T>::min()) : Real(0), r.any_zero);
    if (e > worst) worst = e, at = i;
  }
  CAPTURE(isa, name, type, worst, x[at], y[at], static_cast<double>(r.f(x[at])));
  CHECK(worst <= bound);
}

void check_all_floats(uint64_t step) {
  for (const KernelTable* table : supported_kernels()) {
    for (int k = 0; k < table->unary_count; ++k) {
      const UnaryKernel& kernel = table->unary[k];
      const Reference& r = reference(kernel.name);
      std::vector<float> x = special_values<float>();
      for (uint64_t u = 0; u < uint64_t{1} << 32; u += step) {
        x.push_back(__builtin_bit_cast(float, static_cast<uint32_t>(u)));
        if (x.size() == 65536 || u + step >= uint64_t{1} << 32) {
          std::vector<float> y(x.size());
          kernel.f32(x.data(), y.data(), static_cast<int64_t>(x.size()));
          check(table->isa, "float", kernel.name, r, r.bound32, x, y);
          x.clear();
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("vector maths: float functions over all of float's range", "[vecmath]") { check_all_floats(16381); }
TEST_CASE("vector maths: float functions, densely", "[.dense][vecmath]") { check_all_floats(257); }

TEST_CASE("vector maths: double functions at special and random values", "[vecmath]") {
  const uint64_t seed = 20240607;
  const std::vector<double> x = sample_values<double>(40000, seed);
  CAPTURE(seed);
  for (const KernelTable* table : supported_kernels()) {
    for (int k = 0; k < table->unary_count; ++k) {
      const UnaryKernel& kernel = table->unary[k];
      const Reference& r = reference(kernel.name);
      std::vector<double> y(x.size());
      kernel.f64(x.data(), y.data(), static_cast<int64_t>(x.size()));
      check(table->isa, "double", kernel.name, r, r.bound64, x, y);
    }
  }
}

namespace {

struct BinaryReference {
  const char* name;
  Real (*f)(Real, Real);
  double bound32, bound64;
};
const BinaryReference kBinaryReferences[] = {
    {"pow", powl, 0.6, 0.6},
    {"atan2", atan2l, 1.6, 1.6},
    {"fmod", fmodl, 0, 0},
    {"remainder",
     [](Real x, Real y) {
       const Real r = fmodl(x, y);
       return r != 0 && (r < 0) != (y < 0) ? r + y : r;
     },
     0.5, 0.5},
};

template <class T>
void check_binary(const char* isa, const char* name, const BinaryReference& r, double bound,
                  void (*kernel)(const T*, const T*, T*, int64_t)) {
  const uint64_t seed = 71;
  std::vector<T> a, b;
  for (T x : special_values<T>()) {
    for (T y : special_values<T>()) a.push_back(x), b.push_back(y);
  }
  std::vector<T> u = sample_values<T>(40000, seed), v = sample_values<T>(40000, seed + 1);
  std::shuffle(v.begin(), v.end(), std::mt19937_64(seed));
  a.insert(a.end(), u.begin(), u.end());
  b.insert(b.end(), v.begin(), v.end());
  std::vector<T> y(a.size());
  kernel(a.data(), b.data(), y.data(), static_cast<int64_t>(a.size()));
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double e = error_in_ulps<T>(y[i], r.f(a[i], b[i]), 0, false);
    if (e > worst) worst = e, at = i;
  }
  CAPTURE(isa, name, sizeof(T), seed, worst, a[at], b[at], y[at], static_cast<double>(r.f(a[at], b[at])));
  CHECK(worst <= bound);
}

}  // namespace

TEST_CASE("vector maths: functions of two arguments", "[vecmath]") {
  for (const KernelTable* table : supported_kernels()) {
    for (int k = 0; k < table->binary_count; ++k) {
      const BinaryKernel& kernel = table->binary[k];
      const std::string name = std::string(kernel.name).substr(0, std::string(kernel.name).find(','));
      const BinaryReference* r = nullptr;
      for (const BinaryReference& candidate : kBinaryReferences) {
        if (name == candidate.name) r = &candidate;
      }
      REQUIRE(r != nullptr);
      check_binary<float>(table->isa, kernel.name, *r, r->bound32, kernel.f32);
      check_binary<double>(table->isa, kernel.name, *r, r->bound64, kernel.f64);
    }
  }
}

TEST_CASE("vector maths: blocks with and without slow arguments, in place", "[vecmath]") {
  for (const KernelTable* table : supported_kernels()) {
    const UnaryKernel* sine = nullptr;
    for (int k = 0; k < table->unary_count; ++k) {
      if (std::string(table->unary[k].name) == "sin") sine = &table->unary[k];
    }
    REQUIRE(sine != nullptr);
    for (int64_t n : {0, 1, 511, 512, 513, 1300}) {
      std::vector<double> x(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i)
        x[i] = i == 700 || i == n - 1 ? 1e15 + static_cast<double>(i) : 0.01 * static_cast<double>(i);
      std::vector<double> y(x.size()), z = x;
      sine->f64(x.data(), y.data(), n);
      sine->f64(z.data(), z.data(), n);
      CHECK(y == z);
      for (int64_t i = 0; i < n; ++i) CHECK(std::fabs(y[i] - std::sin(x[i])) <= 2.3e-16);
    }
  }
}

TEST_CASE("gamma functions", "[vecmath]") {
  // mpmath, 30 digits: x, log|gamma(x)|, psi(x), psi'(x)
  const double table[][4] = {
      {1e-05, 11.512919692895825626, -100000.57719921567289, 10000000001.64490839},
      {0.3, 1.0957979948180755606, -3.5025242222001331249, 12.245364546107731301},
      {1, 0.0, -0.57721566490153286061, 1.6449340668482264365},
      {2.5, 0.28468287047291915963, 0.70315664064524318723, 0.49035775610023486497},
      {10, 12.801827480081469611, 2.2517525890667211076, 0.10516633568168574612},
      {1000000.0, 12815504.56914761166, 13.815510057964190771, 1.0000005000001666667e-6},
      {-0.5, 1.2655121234846453965, 0.036489973978576520559, 8.9348022005446793094},
      {-1.25, 1.3664317612369762345, 3.7141391202135278304, 19.181879647671606498},
      {-10.75, -15.403074503504817344, -0.72089576016716117401, 19.650378280099093365},
  };
  for (const auto& [x, log_gamma, psi, psi1] : table) {
    CAPTURE(x);
    CHECK(std::fabs(vec::lgamma(x) - log_gamma) <= 1e-15 * std::max(1.0, std::fabs(log_gamma)));
    CHECK(std::fabs(vec::digamma(x) - psi) <= 4e-15 * std::max(1.0, std::fabs(psi)));
    CHECK(std::fabs(vec::trigamma(x) - psi1) <= 4e-15 * std::max(1e-6, std::fabs(psi1)));
    const float f = static_cast<float>(x);
    CHECK(std::fabs(vec::digamma(f) - vec::digamma(double(f))) <=
          1e-7 * std::max(1.0, std::fabs(vec::digamma(double(f)))));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(vec::digamma(0.0) == -infinity);
  CHECK(vec::digamma(-0.0) == infinity);
  CHECK(std::isnan(vec::digamma(-3.0)));
  CHECK(std::isnan(vec::digamma(-infinity)));
  CHECK(vec::digamma(infinity) == infinity);
  CHECK(std::isnan(vec::digamma(std::nan(""))));
  CHECK(vec::trigamma(0.0) == infinity);
  CHECK(vec::trigamma(-2.0) == infinity);
  CHECK(vec::trigamma(infinity) == 0.0);
  CHECK(std::isnan(vec::trigamma(std::nan(""))));
  CHECK(vec::lgamma(-2.0) == infinity);
  CHECK(vec::lgamma(-2.0f) == std::numeric_limits<float>::infinity());
}
