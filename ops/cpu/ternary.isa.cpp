#include "ops/cpu/ternary.h"

#include "ops/cpu/blocks.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

struct Bits128 {
  uint64_t low, high;
};
// A mask, not a choice: that becomes a branch, which random conditions make slow.
struct Where {
  template <class T>
  T operator()(bool condition, T a, T b) const {
    const T mask = static_cast<T>(T(0) - static_cast<T>(condition));
    return static_cast<T>((a & mask) | (b & ~mask));
  }
  Bits128 operator()(bool condition, Bits128 a, Bits128 b) const {
    const uint64_t mask = uint64_t{0} - static_cast<uint64_t>(condition);
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
  std::complex<T> operator()(std::complex<T> a, std::complex<T> b, std::complex<T> weight) const {
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
  row<Ternary::Clamp, 3>(t.same, Floats{}, [](auto x, auto low, auto high) {
    // NaN in any of them comes through.
    const auto y = (x < low) | (low != low) ? low : x;
    return (high < y) | (high != high) ? high : y;
  });
  row<Ternary::Clamp, 3>(t.same, Ints{}, [](auto x, auto low, auto high) {
    const auto y = x < low ? low : x;
    return high < y ? high : y;
  });
  row<Ternary::Lerp, 3>(t.same, Floats{}, Lerp{});
  row<Ternary::Lerp, 3>(t.same, Complexes{}, Lerp{});
  row_of<Ternary::Addcmul, Addcmul, 3>(t.same, RealNumbers{});
  row_of<Ternary::Addcmul, Addcmul, 3>(t.same, Complexes{});
  row_of<Ternary::Addcdiv, Addcdiv, 3>(t.same, Floats{});
  row_of<Ternary::Addcdiv, Addcdiv, 3>(t.same, Complexes{});
  row<Ternary::ScaledDifference, 3>(t.same, Floats{},
                                    [](auto a, auto b, auto scale) { return (a - b) * scale; });
  row<Ternary::Huber, 3>(t.same, Floats{}, [](auto a, auto b, auto delta) {
    const auto d = vec::abs(a - b), near = vec::at_most(d, delta);
    return near * (d - near * decltype(d)(0.5));
  });
  row<Ternary::ClampedDifference, 3>(
      t.same, Floats{}, [](auto a, auto b, auto delta) { return vec::clamp(a - b, -delta, delta); });
  const auto lerp = [&]<class... T>(Types<T...>) {
    ((t.lerp_number[static_cast<int>(dtype_of<T>)] = &blocked<LerpNumber<compute_t<T>>, T, T, T>), ...);
  };
  lerp(Floats{});
  lerp(Complexes{});
  t.where[0] = &blocked<Where, uint8_t, bool, uint8_t, uint8_t>;
  t.where[1] = &blocked<Where, uint16_t, bool, uint16_t, uint16_t>;
  t.where[2] = &blocked<Where, uint32_t, bool, uint32_t, uint32_t>;
  t.where[3] = &blocked<Where, uint64_t, bool, uint64_t, uint64_t>;
  t.where[4] = &blocked<Where, Bits128, bool, Bits128, Bits128>;
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const TernaryTable ternary_table = make_table();
}

}  // namespace plait::cpu
