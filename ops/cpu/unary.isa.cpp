// Signs, roundings, squares, roots.
#include "ops/cpu/unary.h"

#include "ops/cpu/blocks.h"
#include "ops/cpu/complex_arithmetic.h"
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

// Of a bool's byte, any of which but 0 is true. As bytes they are vector elements, as bools not.
struct NotBool {
  uint8_t operator()(uint8_t x) const { return x == 0; }
};

constexpr Loop& loop_of(LoopTable<Unary>& table, Unary function, DType dtype) {
  return table.loops[static_cast<int>(function)][static_cast<int>(dtype)];
}
template <Unary Function, class... T, class F>
constexpr void cheap_unary(LoopTable<Unary>& table, Types<T...>, F) {
  ((loop_of(table, Function, dtype_of<T>) = cheap<F, T, T>()), ...);
}
// A function of complex numbers.
template <Unary Function, class F>
constexpr void pair_row(LoopTable<Unary>& table, F) {
  loop_of(table, Function, DType::Complex64) = &pairs<F, complex64, complex64>;
  loop_of(table, Function, DType::Complex128) = &pairs<F, complex128, complex128>;
}
// A function of the bits of the 16-bit floats.
template <Unary Function, class F>
constexpr void bits_row(LoopTable<Unary>& table, F) {
  loop_of(table, Function, DType::Float16) = &elementwise<F, uint16_t, uint16_t>;
  loop_of(table, Function, DType::BFloat16) = &elementwise<F, uint16_t, uint16_t>;
}

using Signed = Types<int8_t, int16_t, int32_t, int64_t>;

constexpr LoopTable<Unary> make_table() {
  LoopTable<Unary> t{};
  row<Unary::Neg>(t, Ints{}, [](auto x) { return static_cast<decltype(x)>(-x); });
  row<Unary::Neg>(t, Types<float, double>{}, [](auto x) { return -x; });
  pair_row<Unary::Neg>(t, [](auto z) { return decltype(z){-z.re, -z.im}; });
  pair_row<Unary::Conj>(t, [](auto z) { return decltype(z){z.re, -z.im}; });
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
  cheap_unary<Unary::Square>(t, Floats{}, [](auto x) { return x * x; });
  pair_row<Unary::Square>(t, [](auto z) { return product(z, z); });
  cheap_unary<Unary::Reciprocal>(t, Floats{}, [](auto x) { return decltype(x)(1) / x; });
  pair_row<Unary::Reciprocal>(t, [](auto z) { return quotient(decltype(z){1, 0}, z); });
  cheap_unary<Unary::Sqrt>(t, Floats{}, [](auto x) { return vec::sqrt(x); });
  cheap_unary<Unary::Rsqrt>(t, Floats{}, [](auto x) { return vec::rsqrt(x); });
  cheap_unary<Unary::Floor>(t, Floats{}, [](auto x) { return vec::floor(x); });
  cheap_unary<Unary::Ceil>(t, Floats{}, [](auto x) { return vec::ceil(x); });
  cheap_unary<Unary::Round>(t, Floats{}, [](auto x) { return vec::round(x); });
  cheap_unary<Unary::Trunc>(t, Floats{}, [](auto x) { return vec::trunc(x); });
  cheap_unary<Unary::Frac>(t, Floats{}, [](auto x) { return x - vec::trunc(x); });
  loop_of(t, Unary::BitwiseNot, DType::Bool) = &elementwise<NotBool, uint8_t, uint8_t>;
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
