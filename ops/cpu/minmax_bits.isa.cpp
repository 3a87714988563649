// The larger and the smaller of two numbers; bitwise functions and shifts.
#include "ops/cpu/binary.h"
#include "ops/cpu/blocks.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

constexpr LoopTable<MinMax> make_min_max_table() {
  LoopTable<MinMax> t{};
  // NaN in either argument comes through (of maximum, minimum) or loses to the other one (of fmax, fmin).
  cheap_row<MinMax::Maximum>(t, Floats{},
                             [](auto a, auto b) { return vec::select((a > b) | (a != a), a, b); });
  cheap_row<MinMax::Minimum>(t, Floats{},
                             [](auto a, auto b) { return vec::select((a < b) | (a != a), a, b); });
  cheap_row<MinMax::Fmax>(t, Floats{}, [](auto a, auto b) { return vec::select((a > b) | (b != b), a, b); });
  cheap_row<MinMax::Fmin>(t, Floats{}, [](auto a, auto b) { return vec::select((a < b) | (b != b), a, b); });
  const auto larger = [](auto a, auto b) { return a > b ? a : b; };
  const auto smaller = [](auto a, auto b) { return a < b ? a : b; };
  cheap_row<MinMax::Maximum>(t, BoolInts{}, larger);
  cheap_row<MinMax::Minimum>(t, BoolInts{}, smaller);
  cheap_row<MinMax::Fmax>(t, BoolInts{}, larger);
  cheap_row<MinMax::Fmin>(t, BoolInts{}, smaller);
  return t;
}

// Shifts beyond the width give what infinitely many bits would: zero, or the sign.
template <class T>
PLAIT_INLINE T shift_left(T a, T by) {
  constexpr int kBits = 8 * sizeof(T);
  const bool within = by >= 0 && by < static_cast<T>(kBits);
  // Short numbers as 32 bits: machines have vector shifts of these.
  using Wide = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;
  return within ? static_cast<T>(static_cast<Wide>(a) << (by & (kBits - 1))) : T(0);
}
template <class T>
PLAIT_INLINE T shift_right(T a, T by) {
  constexpr int kBits = 8 * sizeof(T);
  const bool within = by >= 0 && by < static_cast<T>(kBits);
  using Wide =
      std::conditional_t<(sizeof(T) > 4), T, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>;
  return static_cast<T>(static_cast<Wide>(a) >> (within ? by : kBits - 1) >> (within ? 0 : 1));
}

constexpr LoopTable<Bits> make_bits_table() {
  LoopTable<Bits> t{};
  cheap_row<Bits::And>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a & b); });
  cheap_row<Bits::Or>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a | b); });
  cheap_row<Bits::Xor>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a ^ b); });
  cheap_row<Bits::ShiftLeft>(t, Ints{}, [](auto a, auto b) { return shift_left(a, b); });
  cheap_row<Bits::ShiftRight>(t, Ints{}, [](auto a, auto b) { return shift_right(a, b); });
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<MinMax> min_max_table = make_min_max_table();
extern constinit const LoopTable<Bits> bits_table = make_bits_table();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
