// The larger and the smaller of two numbers; bitwise functions and shifts.
#include "ops/cpu/binary.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

constexpr LoopTable<MinMax> make_min_max_table() {
  LoopTable<MinMax> t{};
  // NaN in either argument comes through (of maximum, minimum) or loses to the other one (of fmax, fmin).
  row<MinMax::Maximum>(t, Floats{}, [](auto a, auto b) { return vec::select((a > b) | (a != a), a, b); });
  row<MinMax::Minimum>(t, Floats{}, [](auto a, auto b) { return vec::select((a < b) | (a != a), a, b); });
  row<MinMax::Fmax>(t, Floats{}, [](auto a, auto b) { return vec::select((a > b) | (b != b), a, b); });
  row<MinMax::Fmin>(t, Floats{}, [](auto a, auto b) { return vec::select((a < b) | (b != b), a, b); });
  const auto larger = [](auto a, auto b) { return a > b ? a : b; };
  const auto smaller = [](auto a, auto b) { return a < b ? a : b; };
  row<MinMax::Maximum>(t, BoolInts{}, larger);
  row<MinMax::Minimum>(t, BoolInts{}, smaller);
  row<MinMax::Fmax>(t, BoolInts{}, larger);
  row<MinMax::Fmin>(t, BoolInts{}, smaller);
  return t;
}

// Shifts beyond the width give what infinitely many bits would: zero, or the sign.
//
// Machines have vector shifts of 32 and 64 bits by amounts of their own, to which shorter numbers are
// widened. Bytes, of which that would make four times as much, are shifted by each bit of the amount in turn.
template <class T>
constexpr int kBits = 8 * sizeof(T);
template <class T>
PLAIT_INLINE bool within(T by) {
  return (by >= 0) & (by < static_cast<T>(kBits<T>));
}
// a where bit `place` of `by` is not set, else b.
template <class T>
PLAIT_INLINE T by_bit(T by, int place, T a, T b) {
  const T mask = static_cast<T>(-((by >> place) & 1));
  return static_cast<T>((a & ~mask) | (b & mask));
}
template <class T>
PLAIT_INLINE T if_within(T by, T a, T b) {
  const T mask = static_cast<T>(-static_cast<int>(within(by)));
  return static_cast<T>((a & mask) | (b & ~mask));
}
template <class T>
PLAIT_INLINE T shift_left(T a, T by) {
  if constexpr (sizeof(T) == 1) {
    for (int place = 0; place < 3; ++place) a = by_bit(by, place, a, static_cast<T>(a << (1 << place)));
    return if_within(by, a, T(0));
  } else {
    using Wide = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;
    return within(by) ? static_cast<T>(static_cast<Wide>(a) << (by & (kBits<T> - 1))) : T(0);
  }
}
template <class T>
PLAIT_INLINE T shift_right(T a, T by) {
  if constexpr (sizeof(T) == 1) {
    const T sign = static_cast<T>(a >> 7 >> 1);
    for (int place = 0; place < 3; ++place) a = by_bit(by, place, a, static_cast<T>(a >> (1 << place)));
    return if_within(by, a, sign);
  } else {
    using Wide =
        std::conditional_t<(sizeof(T) > 4), T, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>;
    return static_cast<T>(static_cast<Wide>(a) >> (within(by) ? by : kBits<T> - 1) >> (within(by) ? 0 : 1));
  }
}

constexpr LoopTable<Bits> make_bits_table() {
  LoopTable<Bits> t{};
  row<Bits::And>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a & b); });
  row<Bits::Or>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a | b); });
  row<Bits::Xor>(t, BoolInts{}, [](auto a, auto b) { return static_cast<decltype(a)>(a ^ b); });
  row<Bits::ShiftLeft>(t, Ints{}, [](auto a, auto b) { return shift_left(a, b); });
  row<Bits::ShiftRight>(t, Ints{}, [](auto a, auto b) { return shift_right(a, b); });
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<MinMax> min_max_table = make_min_max_table();
extern constinit const LoopTable<Bits> bits_table = make_bits_table();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
