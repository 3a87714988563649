// Signs, roundings, squares, roots.
#include "ops/cpu/unary.h"

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

// Multiplies by a constant.
template <class T>
struct Scale {
  explicit Scale(const void* params) : factor(param<T>(params, 0)) {}
  T operator()(T x) const { return x * factor; }
  T factor;
};

// To a number of decimals: round(x * 10^d) / 10^d, or round(x / 10^-d) * 10^-d.
template <class T>
struct RoundDecimals {
  explicit RoundDecimals(const void* params)
      : power(param<T>(params, 0)),
        left(param<T>(params, 1) != T(0)) {}
  T operator()(T x) const { return left ? vec::round(x / power) * power : vec::round(x * power) / power; }
  T power;
  bool left;
};

// Replaces NaN and the infinities.
template <class T>
struct NanToNum {
  explicit NanToNum(const void* params)
      : nan(param<T>(params, 0)),
        high(param<T>(params, 1)),
        low(param<T>(params, 2)) {}
  T operator()(T x) const {
    const T y = vec::select(x == vec::kInfinity<T>, high, vec::select(x == -vec::kInfinity<T>, low, x));
    return vec::select(x != x, nan, y);
  }
  T nan, high, low;
};

constexpr LoopTable<Unary> make_table() {
  LoopTable<Unary> t{};
  row<Unary::Neg>(t, Ints{}, [](auto x) { return static_cast<decltype(x)>(-x); });
  row<Unary::Neg>(t, Types<float, double>{}, [](auto x) { return -x; });
  row<Unary::Neg>(t, Complexes{}, [](auto z) { return -z; });
  row<Unary::Conj>(t, Complexes{}, [](auto z) { return decltype(z){z.re, -z.im}; });
  row<Unary::Abs>(t, Types<uint8_t>{}, [](auto x) { return x; });
  row<Unary::Abs>(t, Signed{}, [](auto x) { return static_cast<decltype(x)>(x < 0 ? -x : x); });
  row<Unary::Abs>(t, Types<float, double>{}, [](auto x) { return vec::abs(x); });
  bits_row<Unary::Neg>(t, [](uint16_t bits) { return static_cast<uint16_t>(bits ^ 0x8000); });
  bits_row<Unary::Abs>(t, [](uint16_t bits) { return static_cast<uint16_t>(bits & 0x7fff); });
  row<Unary::Sign>(t, Types<bool, uint8_t>{}, [](auto x) { return static_cast<decltype(x)>(x != 0); });
  row<Unary::Sign>(t, Signed{}, [](auto x) { return static_cast<decltype(x)>((x > 0) - (x < 0)); });
  row<Unary::Sign>(t, Floats{}, [](auto x) {
    using T = decltype(x);
    return vec::select(x > T(0), T(1), T(0)) - vec::select(x < T(0), T(1), T(0));
  });
  row<Unary::Square>(t, Ints{}, [](auto x) {
    return static_cast<decltype(x)>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x));
  });
  row<Unary::Square>(t, Floats{}, [](auto x) { return x * x; });
  row<Unary::Square>(t, Complexes{}, [](auto z) { return z * z; });
  row<Unary::Cube>(t, Ints{}, [](auto x) {
    const auto wide = static_cast<uint64_t>(x);
    return static_cast<decltype(x)>(wide * wide * wide);
  });
  row<Unary::Cube>(t, Floats{}, [](auto x) { return x * x * x; });
  row<Unary::Cube>(t, Complexes{}, [](auto z) { return z * z * z; });
  row<Unary::Reciprocal>(t, Floats{}, [](auto x) { return decltype(x)(1) / x; });
  row<Unary::Reciprocal>(t, Complexes{}, [](auto z) { return decltype(z){1, 0} / z; });
  // The square of the reciprocal is in range wherever the result is, the reciprocal of the square is not.
  row<Unary::InverseSquare>(t, Floats{}, [](auto x) {
    const auto y = decltype(x)(1) / x;
    return y * y;
  });
  row<Unary::InverseSquare>(t, Complexes{}, [](auto z) {
    const auto y = decltype(z){1, 0} / z;
    return y * y;
  });
  row<Unary::Sqrt>(t, Floats{}, [](auto x) { return vec::sqrt(x); });
  row<Unary::Rsqrt>(t, Floats{}, [](auto x) { return vec::rsqrt(x); });
  row<Unary::Floor>(t, Floats{}, [](auto x) { return vec::floor(x); });
  row<Unary::Ceil>(t, Floats{}, [](auto x) { return vec::ceil(x); });
  row<Unary::Round>(t, Floats{}, [](auto x) { return vec::round(x); });
  row<Unary::Trunc>(t, Floats{}, [](auto x) { return vec::trunc(x); });
  row<Unary::Frac>(t, Floats{}, [](auto x) { return x - vec::trunc(x); });
  row<Unary::BitwiseNot>(t, Types<bool>{}, [](auto x) { return x == 0; });  // any byte but 0 is true
  row<Unary::BitwiseNot>(t, Ints{}, [](auto x) { return static_cast<decltype(x)>(~x); });
  row<Unary::Angle>(t, Floats{}, [](auto x) {
    using T = decltype(x);
    return vec::select(x < T(0), T(3.141592653589793), vec::select(x != x, x, T(0)));
  });
  row_of<Unary::RoundDecimals, RoundDecimals>(t, Floats{});
  row_of<Unary::Scale, Scale>(t, Floats{});
  row_of<Unary::NanToNum, NanToNum>(t, Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Unary> unary_table = make_table();
}

}  // namespace plait::cpu
