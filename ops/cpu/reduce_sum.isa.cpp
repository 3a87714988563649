// Sums and products.
#include "ops/cpu/reduce_pairs.h"

namespace plait::cpu {
namespace {

// Short integers are summed as int32 within a block of a few thousand.
template <class T>
using SumLane = std::conditional_t<std::is_integral_v<T>,
                                   std::conditional_t<sizeof(T) <= 2, int32_t, int64_t>, compute_t<T>>;
template <class T>
using Wide = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
template <class T>
using Natural = std::conditional_t<std::is_integral_v<T>, int64_t, T>;

// An accumulated sum, divided for a mean.
template <class A>
PLAIT_INLINE A divided(A a, const ReduceParams& params) {
  if constexpr (std::is_floating_point_v<A>)
    return a / params.divisor;
  else
    return a;
}

template <class T>
struct Sum {
  using Lane = SumLane<T>;
  using Acc = Wide<T>;
  using Result = Natural<T>;
  static constexpr Lane identity = 0;
  template <class X>
  static PLAIT_INLINE auto map(X x) {
    return convert_to<Lane>(x);
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    if constexpr (std::is_same_v<L, int64_t>)
      return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(x));
    else
      return a + x;
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return step(a, b); }
  static PLAIT_INLINE Acc lift(Lane a) { return static_cast<Acc>(a); }
  static PLAIT_INLINE Acc finish(Acc a, const ReduceParams& params) { return divided(a, params); }
};

template <class T>
struct NanSum : Sum<T> {
  template <class X>
  static PLAIT_INLINE auto map(X x) {
    if constexpr (std::is_floating_point_v<compute_t<T>>)
      return choose_lanes(x == x, x, X{});
    else
      return Sum<T>::map(x);
  }
};

// Products are formed in double: an intermediate result does not overflow where the whole does not.
template <class T>
struct Prod {
  using Lane = Wide<T>;
  using Acc = Lane;
  using Result = Natural<T>;
  static constexpr Lane identity = 1;
  template <class X>
  static PLAIT_INLINE auto map(X x) {
    return convert_to<Lane>(x);
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    if constexpr (std::is_same_v<L, int64_t>)
      return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(x));
    else
      return a * x;
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return step(a, b); }
  static PLAIT_INLINE Acc lift(Lane a) { return a; }
  static PLAIT_INLINE Acc finish(Acc a, const ReduceParams&) { return a; }
};

template <class T>
struct NonZero {
  using Lane = std::conditional_t<sizeof(Element<T>) == 8, int64_t, int32_t>;
  using Acc = int64_t;
  using Result = int64_t;
  static constexpr Lane identity = 0;
  template <class X>
  static PLAIT_INLINE auto map(X x) {
    if constexpr (std::is_arithmetic_v<X>)
      return static_cast<Lane>(x != X(0));
    else
      return -convert_to<Lane>(x != X{});  // a comparison of vectors gives 0 and -1
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    return a + x;
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return a + b; }
  static PLAIT_INLINE Acc lift(Lane a) { return a; }
  static PLAIT_INLINE Acc finish(Acc a, const ReduceParams&) { return a; }
};

constexpr ReduceTable<Sums> make_table() {
  ReduceTable<Sums> t{};
  reduce_row<Sums::Sum, Sum>(t, Reals{});
  reduce_row<Sums::NanSum, NanSum>(t, Floats{});
  reduce_row<Sums::Prod, Prod>(t, Reals{});
  reduce_row<Sums::NonZero, NonZero>(t, Reals{});
  pair_row<Sums::Sum, PairSum>(t, Types<float, double>{});
  pair_row<Sums::Prod, PairProd>(t, Types<float, double>{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ReduceTable<Sums> sums_table = make_table();
}

}  // namespace plait::cpu
