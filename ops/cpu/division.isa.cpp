// Divisions that round, their remainders, and what follows from these: common divisors and multiples.
#include <cmath>

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/power.h"

namespace plait::cpu {
namespace {

// Floored division of floats, by Python's rule: consistent with the remainder, which is exact.
struct FloorDivide {
  template <class T>
  PLAIT_INLINE static T of_remainder(T a, T b, T remainder) {
    const T down = vec::select((remainder != T(0)) & ((b < T(0)) != (remainder < T(0))), T(1), T(0));
    const T quotient = (a - remainder) / b - down;
    const T floored = vec::floor(quotient);
    const T nearest = vec::select(quotient - floored > T(0.5), floored + T(1), floored);
    const T result = vec::select(quotient == T(0), vec::copysign(T(0), a / b), nearest);
    return vec::select(b == T(0), a / b, result);
  }
  template <class T>
  PLAIT_INLINE static bool in_range(T a, T b) {
    return vec::Fmod::in_range(a, b);
  }
  template <class T>
  PLAIT_INLINE static T fast(T a, T b) {
    return of_remainder(a, b, vec::Fmod::fast(a, b));
  }
  template <class T>
  PLAIT_INLINE static T slow(T a, T b) {
    return of_remainder(a, b, vec::Fmod::slow(a, b));
  }
};

// Of integers. A zero divisor is noted, for the caller to raise; the lowest number by -1 wraps.
//
// Machines have no vectors of integer divisions. The fast form divides floats of more digits than the numbers
// have: a quotient that is not whole is further from the next whole number than the rounding reaches (by
// 1 / |ab|, in relation to it), so it is rounded down or cut off to the same one.
template <class T>
struct IntDivision {
  using Float = std::conditional_t<sizeof(T) <= 2, float, double>;
  static constexpr int64_t kLimit = int64_t{1} << 50;

  explicit IntDivision(const void* params) : by_zero(static_cast<int*>(const_cast<void*>(params))) {}
  PLAIT_INLINE static bool in_range(T a, T b) {
    if constexpr (sizeof(T) == 8)
      return (b != 0) & (a < kLimit) & (a > -kLimit) & (b < kLimit) & (b > -kLimit);
    else if constexpr (std::is_signed_v<T>)
      return (b != 0) & ((a != std::numeric_limits<T>::min()) | (b != T(-1)));
    else
      return b != 0;
  }
  PLAIT_INLINE static T floored(T a, T b) {
    return static_cast<T>(vec::floor(static_cast<Float>(a) / static_cast<Float>(b)));
  }
  PLAIT_INLINE static T truncated(T a, T b) {
    return static_cast<T>(static_cast<Float>(a) / static_cast<Float>(b));
  }
  PLAIT_INLINE static T rest(T a, T b, T quotient) {
    return static_cast<T>(static_cast<uint64_t>(a) -
                          static_cast<uint64_t>(quotient) * static_cast<uint64_t>(b));
  }

  PLAIT_INLINE bool zero(T b) const {
    if (b != 0) return false;
    __atomic_store_n(by_zero, 1, __ATOMIC_RELAXED);
    return true;
  }
  PLAIT_INLINE static bool minus_one(T b) { return std::is_signed_v<T> && b == static_cast<T>(-1); }
  PLAIT_INLINE static T negated(T a) { return static_cast<T>(0 - static_cast<uint64_t>(a)); }
  int* by_zero;
};
template <class T>
struct IntFloor : IntDivision<T> {
  using IntDivision<T>::IntDivision;
  PLAIT_INLINE T fast(T a, T b) const { return this->floored(a, b); }
  PLAIT_INLINE T slow(T a, T b) const {
    if (this->zero(b)) return 0;
    if (this->minus_one(b)) return this->negated(a);
    return static_cast<T>(a / b - ((a % b != 0) & ((a < 0) != (b < 0))));
  }
};
template <class T>
struct IntTrunc : IntDivision<T> {
  using IntDivision<T>::IntDivision;
  PLAIT_INLINE T fast(T a, T b) const { return this->truncated(a, b); }
  PLAIT_INLINE T slow(T a, T b) const {
    if (this->zero(b)) return 0;
    return this->minus_one(b) ? this->negated(a) : static_cast<T>(a / b);
  }
};
template <class T>
struct IntRemainder : IntDivision<T> {
  using IntDivision<T>::IntDivision;
  PLAIT_INLINE T fast(T a, T b) const { return this->rest(a, b, this->floored(a, b)); }
  PLAIT_INLINE T slow(T a, T b) const {
    if (this->zero(b) || this->minus_one(b)) return 0;
    const T r = static_cast<T>(a % b);
    return static_cast<T>((r != 0) & ((r < 0) != (b < 0)) ? r + b : r);
  }
};
template <class T>
struct IntFmod : IntDivision<T> {
  using IntDivision<T>::IntDivision;
  PLAIT_INLINE T fast(T a, T b) const { return this->rest(a, b, this->truncated(a, b)); }
  PLAIT_INLINE T slow(T a, T b) const {
    return this->zero(b) || this->minus_one(b) ? T(0) : static_cast<T>(a % b);
  }
};

// Euclid's algorithm on magnitudes, so that the lowest number has one.
template <class T>
PLAIT_INLINE uint64_t magnitude(T x) {
  return x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
}
PLAIT_INLINE uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b != 0) {
    const uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
struct Gcd {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(common_divisor(magnitude(a), magnitude(b)));
  }
};
struct Lcm {
  template <class T>
  T operator()(T a, T b) const {
    const uint64_t divisor = common_divisor(magnitude(a), magnitude(b));
    return divisor == 0 ? T(0) : static_cast<T>(magnitude(a) / divisor * magnitude(b));
  }
};

constexpr NumberTable<Division> make_table() {
  NumberTable<Division> t{};
  number_row<Division::Floor>(t, FloorDivide{});
  number_row<Division::Trunc>(t, [](auto a, auto b) { return vec::trunc(a / b); });
  number_row<Division::Remainder>(t, vec::Remainder{});
  number_row<Division::Fmod>(t, vec::Fmod{});
  row_of<Division::Floor, IntFloor>(t.same, Ints{});
  row_of<Division::Trunc, IntTrunc>(t.same, Ints{});
  row_of<Division::Remainder, IntRemainder>(t.same, Ints{});
  row_of<Division::Fmod, IntFmod>(t.same, Ints{});
  row<Division::Gcd>(t.same, Ints{}, costly(Gcd{}));
  row<Division::Lcm>(t.same, Ints{}, costly(Lcm{}));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const NumberTable<Division> division_table = make_table();
}

}  // namespace plait::cpu
