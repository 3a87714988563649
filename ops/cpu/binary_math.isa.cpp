// Powers and other functions of two numbers.
#include <cmath>

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

template <class T>
PLAIT_INLINE T integer_power(T base, T exponent) {
  if (exponent < 0) {  // 1 / base^-exponent, truncated
    if (base == static_cast<T>(-1)) return exponent % 2 ? base : T(1);
    return base == 1 ? T(1) : T(0);
  }
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (auto e = static_cast<uint64_t>(exponent); e; e >>= 1) {
    if (e & 1) result *= factor;
    factor *= factor;
  }
  return static_cast<T>(result);
}

constexpr NumberTable<BinaryMath> make_table() {
  NumberTable<BinaryMath> t{};
  number_row<BinaryMath::Pow>(t, costly([](auto x, auto y) { return vec::pow(x, y); }));
  row<BinaryMath::Pow>(t.same, Ints{}, costly([](auto x, auto y) { return integer_power(x, y); }));
  number_row<BinaryMath::Atan2>(t, costly([](auto y, auto x) { return vec::atan2(y, x); }));
  number_row<BinaryMath::Hypot>(t, costly([](auto x, auto y) { return vec::hypot(x, y); }));
  number_row<BinaryMath::LogAddExp>(t, costly([](auto x, auto y) {
                                      using T = decltype(x);
                                      const T larger = vec::select((x > y) | (x != x), x, y);
                                      return larger +
                                             vec::log1p_exp(vec::select(x == y, T(0), -vec::abs(x - y)));
                                    }));
  number_row<BinaryMath::LogAddExp2>(
      t, costly([](auto x, auto y) {
        using T = decltype(x);
        const T larger = vec::select((x > y) | (x != x), x, y);
        return larger + vec::log1p(vec::exp2(vec::select(x == y, T(0), -vec::abs(x - y)))) * T(M_LOG2E);
      }));
  number_row<BinaryMath::XLogY>(t, costly([](auto x, auto y) {
                                  using T = decltype(x);
                                  return vec::select((x == T(0)) & (y == y), T(0), x * vec::log(y));
                                }));
  number_row<BinaryMath::XLog1pY>(t, costly([](auto x, auto y) {
                                    using T = decltype(x);
                                    return vec::select((x == T(0)) & (y == y), T(0), x * vec::log1p(y));
                                  }));
  number_row<BinaryMath::CopySign>(t, [](auto x, auto y) { return vec::copysign(x, y); });
  bits_row<BinaryMath::CopySign>(
      t.same, [](uint16_t x, uint16_t y) { return static_cast<uint16_t>((x & 0x7fff) | (y & 0x8000)); });
  number_row<BinaryMath::Prelu>(
      t, [](auto x, auto weight) { return vec::select(x > decltype(x)(0), x, weight * x); });
  number_row<BinaryMath::Heaviside>(t, [](auto x, auto y) {
    using T = decltype(x);
    return vec::select(x == T(0), y, vec::select(x > T(0), T(1), T(0)));
  });
  row<BinaryMath::Heaviside>(t.same, BoolInts{},
                             [](auto x, auto y) { return x == 0 ? y : static_cast<decltype(y)>(x > 0); });
  row<BinaryMath::NextAfter>(t.same, Types<float, double>{}, costly([](auto x, auto y) {
                               // Among numbers of one sign the order is that of the bits, so a step is one
                               // more or one less.
                               using T = decltype(x);
                               using U = vec::UInt<T>;
                               const bool away = (y > x) == (x > T(0));
                               const T stepped = vec::from_bits(vec::to_bits(x) + (U(away) << 1) - U(1));
                               const T moved =
                                   vec::select(x == T(0), vec::copysign(vec::from_bits(U(1)), y), stepped);
                               return vec::select((x != x) | (y != y), x + y, vec::select(x == y, y, moved));
                             }));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const NumberTable<BinaryMath> binary_math_table = make_table();
}

}  // namespace plait::cpu
