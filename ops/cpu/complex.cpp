// Functions of complex numbers by libm.
#include <algorithm>
#include <cmath>
#include <complex>

#include "ops/cpu/complex.h"
#include "ops/cpu/loops.h"
#include "ops/cpu/unary.h"

namespace plait::cpu {
namespace {

// A function of std::complex numbers, of pairs.
template <class F>
struct ByLibrary {
  template <class T, class... Rest>
  Pair<T> operator()(Pair<T> z, Rest... rest) const {
    const std::complex<T> w = F{}(std::complex<T>(z.re, z.im), std::complex<T>(rest.re, rest.im)...);
    return {w.real(), w.imag()};
  }
};

template <auto Function, class Table, class F>
constexpr void row(Table& table, F) {
  auto& loops = table.loops[static_cast<int>(Function)];
  loops[static_cast<int>(DType::Complex64)] = &elementwise<ByLibrary<F>, complex64, complex64>;
  loops[static_cast<int>(DType::Complex128)] = &elementwise<ByLibrary<F>, complex128, complex128>;
}

constexpr LoopTable<Unary> make_unary() {
  LoopTable<Unary> t{};
  row<Unary::Sqrt>(t, [](auto z) { return std::sqrt(z); });
  row<Unary::Rsqrt>(t, [](auto z) { return decltype(z)(1) / std::sqrt(z); });
  return t;
}

constexpr LoopTable<Explog> make_explog() {
  LoopTable<Explog> t{};
  row<Explog::Exp>(t, [](auto z) { return std::exp(z); });
  row<Explog::Exp2>(
      t, [](auto z) { return std::exp(z * typename decltype(z)::value_type(0.6931471805599453)); });
  row<Explog::Expm1>(t, [](auto z) {
    // exp(x) cos(y) - 1 = expm1(x) cos(y) - 2 sin(y/2)^2, without cancellation near zero
    using T = typename decltype(z)::value_type;
    const T x = z.real(), y = z.imag(), s = std::sin(y / 2);
    return decltype(z)(std::expm1(x) * std::cos(y) - 2 * s * s, std::exp(x) * std::sin(y));
  });
  row<Explog::Log>(t, [](auto z) { return std::log(z); });
  row<Explog::Log2>(
      t, [](auto z) { return std::log(z) / typename decltype(z)::value_type(0.6931471805599453); });
  row<Explog::Log10>(t, [](auto z) { return std::log10(z); });
  row<Explog::Log1p>(t, [](auto z) {
    using T = typename decltype(z)::value_type;
    const T x = z.real(), y = z.imag();
    if (std::max(std::abs(x), std::abs(y)) > 1000) return std::log(T(1) + z);  // squares may overflow
    return decltype(z)(std::log1p(x * (2 + x) + y * y) / 2, std::atan2(y, 1 + x));
  });
  row<Explog::Sigmoid>(t, [](auto z) { return decltype(z)(1) / (decltype(z)(1) + std::exp(-z)); });
  return t;
}

constexpr LoopTable<Trig> make_trig() {
  LoopTable<Trig> t{};
  row<Trig::Sin>(t, [](auto z) { return std::sin(z); });
  row<Trig::Cos>(t, [](auto z) { return std::cos(z); });
  row<Trig::Tan>(t, [](auto z) { return std::tan(z); });
  row<Trig::Sinc>(t, [](auto z) {
    using C = decltype(z);
    const C w = z * typename C::value_type(M_PI);
    return z == C(0) ? C(1) : std::sin(w) / w;
  });
  row<Trig::Asin>(t, [](auto z) { return std::asin(z); });
  row<Trig::Acos>(t, [](auto z) { return std::acos(z); });
  row<Trig::Atan>(t, [](auto z) { return std::atan(z); });
  row<Trig::Sinh>(t, [](auto z) { return std::sinh(z); });
  row<Trig::Cosh>(t, [](auto z) { return std::cosh(z); });
  row<Trig::Tanh>(t, [](auto z) { return std::tanh(z); });
  row<Trig::Asinh>(t, [](auto z) { return std::asinh(z); });
  row<Trig::Acosh>(t, [](auto z) { return std::acosh(z); });
  row<Trig::Atanh>(t, [](auto z) { return std::atanh(z); });
  return t;
}

struct Power {
  template <class T>
  std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    if (y == std::complex<T>(0)) return std::complex<T>(1);
    if (x == std::complex<T>(0) && y.imag() == 0 && y.real() > 0) return std::complex<T>(0);
    return std::pow(x, y);
  }
};

// The place of a dtype in ComplexParts.
int wide(DType d) { return d == DType::Complex128; }

}  // namespace

extern constinit const LoopTable<Unary> complex_unary_table = make_unary();
extern constinit const LoopTable<Explog> complex_explog_table = make_explog();
extern constinit const LoopTable<Trig> complex_trig_table = make_trig();

void modulus(const Tensor& out, const Tensor& z) {
  pointwise("abs", complex_parts().modulus[wide(z.dtype())], out, z, z.dtype(), nullptr, 4);
}
void argument(const Tensor& out, const Tensor& z) {
  pointwise("angle", complex_parts().argument[wide(z.dtype())], out, z, z.dtype(), nullptr, 16);
}
void join_parts(const Tensor& out, const Tensor& real, const Tensor& imag) {
  pointwise("complex", complex_parts().join[wide(out.dtype())], out, real, imag, to_real(out.dtype()));
}
Loop complex_power_loop(DType d) {
  return d == DType::Complex64 ? &elementwise<ByLibrary<Power>, complex64, complex64, complex64>
                               : &elementwise<ByLibrary<Power>, complex128, complex128, complex128>;
}

}  // namespace plait::cpu
