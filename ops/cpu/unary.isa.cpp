#include "ops/cpu/loops.h"
#include "ops/cpu/unary.h"

namespace plait::cpu {
namespace {

struct Neg {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(-a);
  }
};
struct Conj {
  template <class T>
  std::complex<T> operator()(std::complex<T> a) const {
    return {a.real(), -a.imag()};
  }
};

template <Unary Op, class F, class... T>
constexpr void row(UnaryTable& table) {
  fill_row<1, F, T...>(table.same[static_cast<int>(Op)]);
}

constexpr UnaryTable make_table() {
  UnaryTable t{};
  row<Unary::Neg, Neg, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, complex64, complex128>(t);
  row<Unary::Conj, Conj, complex64, complex128>(t);
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const UnaryTable unary_table = make_table();
}

}  // namespace plait::cpu
