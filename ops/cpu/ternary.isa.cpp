#include "ops/cpu/ternary.h"

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

struct Bits128 {
  uint64_t low, high;
};
// A mask, not a choice: that becomes a branch, which random conditions make slow.
struct Where {
  template <class T>
  T operator()(uint8_t condition, T a, T b) const {
    const T mask = static_cast<T>(T(0) - static_cast<T>(condition != 0));
    return static_cast<T>((a & mask) | (b & ~mask));
  }
  Bits128 operator()(uint8_t condition, Bits128 a, Bits128 b) const {
    const uint64_t mask = uint64_t{0} - static_cast<uint64_t>(condition != 0);
    return {(a.low & mask) | (b.low & ~mask), (a.high & mask) | (b.high & ~mask)};
  }
};

template <class T>
struct Addcmul {
  explicit Addcmul(const void* p) : value(param<T>(p, 0)) {}
  T operator()(T x, T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(x) + static_cast<uint64_t>(value) *
                                                           static_cast<uint64_t>(a) *
                                                           static_cast<uint64_t>(b));
    else
      return x + value * a * b;
  }
  T value;
};
template <class T>
struct Addcdiv {
  explicit Addcdiv(const void* p) : value(param<T>(p, 0)) {}
  T operator()(T x, T a, T b) const { return x + value * (a / b); }
  T value;
};
// From the nearer end, so that weight 1 gives b exactly.
struct Lerp {
  template <class T>
  T operator()(T a, T b, T weight) const {
    return vec::select(vec::abs(weight) < T(0.5), a + weight * (b - a), b - (b - a) * (T(1) - weight));
  }
  template <class T>
  Pair<T> operator()(Pair<T> a, Pair<T> b, Pair<T> weight) const {
    return a + weight * (b - a);
  }
};
template <class T>
struct LerpNumber {
  explicit LerpNumber(const void* p) : weight(param<T>(p, 0)) {}
  T operator()(T a, T b) const { return Lerp{}(a, b, weight); }
  T weight;
};

constexpr TernaryTable make_table() {
  TernaryTable t{};
  row<Ternary::Clamp>(t.same, Floats{}, [](auto x, auto low, auto high) {
    // NaN in any of them comes through.
    const auto y = (x < low) | (low != low) ? low : x;
    return (high < y) | (high != high) ? high : y;
  });
  row<Ternary::Clamp>(t.same, Ints{}, [](auto x, auto low, auto high) {
    const auto y = x < low ? low : x;
    return high < y ? high : y;
  });
  row<Ternary::Lerp>(t.same, Floats{}, Lerp{});
  row<Ternary::Lerp>(t.same, Complexes{}, Lerp{});
  row_of<Ternary::Addcmul, Addcmul>(t.same, RealNumbers{});
  row_of<Ternary::Addcmul, Addcmul>(t.same, Complexes{});
  row_of<Ternary::Addcdiv, Addcdiv>(t.same, Floats{});
  row_of<Ternary::Addcdiv, Addcdiv>(t.same, Complexes{});
  row<Ternary::ScaledDifference>(t.same, Floats{},
                                 [](auto a, auto b, auto scale) { return (a - b) * scale; });
  row<Ternary::Huber>(t.same, Floats{}, [](auto a, auto b, auto delta) {
    const auto d = vec::abs(a - b), near = vec::at_most(d, delta);
    return near * (d - near * decltype(d)(0.5));
  });
  row<Ternary::ClampedDifference>(
      t.same, Floats{}, [](auto a, auto b, auto delta) { return vec::clamp(a - b, -delta, delta); });
  const auto lerp = [&]<class... T>(Types<T...>) {
    ((t.lerp_number[static_cast<int>(dtype_of<T>)] = &elementwise<LerpNumber<number_t<T>>, T, T, T>), ...);
  };
  lerp(Floats{});
  lerp(Complexes{});
  t.where[0] = &elementwise<Where, uint8_t, bool, uint8_t, uint8_t>;
  t.where[1] = &elementwise<Where, uint16_t, bool, uint16_t, uint16_t>;
  t.where[2] = &elementwise<Where, uint32_t, bool, uint32_t, uint32_t>;
  t.where[3] = &elementwise<Where, uint64_t, bool, uint64_t, uint64_t>;
  t.where[4] = &elementwise<Where, Bits128, bool, Bits128, Bits128>;
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const TernaryTable ternary_table = make_table();
}

}  // namespace plait::cpu
