#include "ops/cpu/binary.h"
#include "ops/cpu/blocks.h"
#include "ops/cpu/complex_arithmetic.h"

namespace plait::cpu {
namespace {

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>)
      return a || b;
    else
      return static_cast<T>(a + b);
  }
  template <class T>
  Pair<T> operator()(Pair<T> a, Pair<T> b) const {
    return {a.re + b.re, a.im + b.im};
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a - b);
  }
  template <class T>
  Pair<T> operator()(Pair<T> a, Pair<T> b) const {
    return {a.re - b.re, a.im - b.im};
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>)
      return a && b;
    else if constexpr (std::is_same_v<T, int16_t> || std::is_same_v<T, int8_t>)
      return static_cast<T>(static_cast<unsigned>(a) * static_cast<unsigned>(b));
    else
      return static_cast<T>(a * b);
  }
  template <class T>
  Pair<T> operator()(Pair<T> a, Pair<T> b) const {
    return product(a, b);
  }
};
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    return a / b;
  }
  template <class T>
  Pair<T> operator()(Pair<T> a, Pair<T> b) const {
    return quotient(a, b);
  }
};

template <Binary Op, class F, class... T>
constexpr void row(NumberTable<Binary>& table) {
  constexpr int op = static_cast<int>(Op);
  ((table.same.loops[op][static_cast<int>(dtype_of<T>)] = cheap<F, T, T, T>()), ...);
  if constexpr ((std::is_same_v<T, Half> || ...)) {
    table.number_right[op][0] = cheap<F, Half, Half, float>();
    table.number_right[op][1] = cheap<F, BFloat16, BFloat16, float>();
    table.number_left[op][0] = cheap<F, Half, float, Half>();
    table.number_left[op][1] = cheap<F, BFloat16, float, BFloat16>();
  }
}

constexpr NumberTable<Binary> make_table() {
  NumberTable<Binary> t{};
  row<Binary::Add, Add, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double,
      complex64, complex128>(t);
  row<Binary::Sub, Sub, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, complex64,
      complex128>(t);
  row<Binary::Mul, Mul, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double,
      complex64, complex128>(t);
  row<Binary::Div, Div, Half, BFloat16, float, double, complex64, complex128>(t);
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const NumberTable<Binary> binary_table = make_table();
}

}  // namespace plait::cpu
