// The larger and the smaller of two numbers; bitwise functions and shifts.
#include "ops/cpu/binary.h"
#include "ops/cpu/blocks.h"

namespace plait::cpu {
namespace {

constexpr LoopTable<MinMax> make_min_max_table() {
  LoopTable<MinMax> t{};
  // NaN in either argument comes through (of maximum, minimum) or loses to the other one (of fmax, fmin).
  row<MinMax::Maximum, 2>(t, Floats{}, [](auto a, auto b) { return (a > b) | (a != a) ? a : b; });
  row<MinMax::Minimum, 2>(t, Floats{}, [](auto a, auto b) { return (a < b) | (a != a) ? a : b; });
  row<MinMax::Fmax, 2>(t, Floats{}, [](auto a, auto b) { return (a > b) | (b != b) ? a : b; });
  row<MinMax::Fmin, 2>(t, Floats{}, [](auto a, auto b) { return (a < b) | (b != b) ? a : b; });
  const auto larger = [](auto a, auto b) { return a > b ? a : b; };
  const auto smaller = [](auto a, auto b) { return a < b ? a : b; };
  row<MinMax::Maximum, 2>(t, BoolInts{}, larger);
  row<MinMax::Minimum, 2>(t, BoolInts{}, smaller);
  row<MinMax::Fmax, 2>(t, BoolInts{}, larger);
  row<MinMax::Fmin, 2>(t, BoolInts{}, smaller);
  return t;
}

// Shifts beyond the width give what infinitely many bits would: zero, or the sign.
template <class T>
PLAIT_INLINE T shift_left(T a, T by) {
  constexpr int kBits = 8 * sizeof(T);
  const bool within = by >= 0 && by < static_cast<T>(kBits);
  return within ? static_cast<T>(static_cast<uint64_t>(a) << by) : T(0);
}
template <class T>
PLAIT_INLINE T shift_right(T a, T by) {
  constexpr int kBits = 8 * sizeof(T);
  const bool within = by >= 0 && by < static_cast<T>(kBits);
  return static_cast<T>(within ? a >> by : a < 0 ? -1 : 0);
}

constexpr LoopTable<Bits> make_bits_table() {
  LoopTable<Bits> t{};
  row<Bits::And, 2>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a & b); });
  row<Bits::Or, 2>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a | b); });
  row<Bits::Xor, 2>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a ^ b); });
  row<Bits::ShiftLeft, 2>(t, Ints{}, [](auto a, auto b) { return shift_left(a, b); });
  row<Bits::ShiftRight, 2>(t, Ints{}, [](auto a, auto b) { return shift_right(a, b); });
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<MinMax> min_max_table = make_min_max_table();
extern constinit const LoopTable<Bits> bits_table = make_bits_table();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
