// Largest and smallest elements; any, all; norms.
#include "ops/cpu/reduce_extremes.h"

namespace plait::cpu {
namespace {

template <class T>
using Max = Extreme<T, true>;
template <class T>
using Min = Extreme<T, false>;

template <class T, bool Any>
struct Truth {
  using Lane = Element<T>;
  using Acc = uint8_t;
  using Result = bool;
  static constexpr Lane identity = Any ? 0 : 1;
  static constexpr int kFewElements = 15;
  template <class X>
  static PLAIT_INLINE X map(X x) {
    return x;
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    if constexpr (Any)
      return choose_lanes<decltype(x != L{}), L>(x != L{}, static_cast<L>(L{} + Lane(1)), a);
    else
      return choose_lanes<decltype(x == L{}), L>(x == L{}, L{}, a);
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return Any ? a | b : a & b; }
  static PLAIT_INLINE Acc lift(Lane a) { return a != 0; }
  static PLAIT_INLINE bool settled(Acc a) { return a == (Any ? 1 : 0); }
  static PLAIT_INLINE bool finish(Acc a, const ReduceParams&) { return a != 0; }
};
template <class T>
using Any = Truth<T, true>;
template <class T>
using All = Truth<T, false>;

template <class X>
PLAIT_INLINE X magnitude(X x) {
  return choose_lanes(x < X{}, -x, x);
}

template <class T>
struct NormOne {
  using Lane = compute_t<T>;
  using Acc = double;
  using Result = T;
  static constexpr Lane identity = 0;
  template <class X>
  static PLAIT_INLINE X map(X x) {
    return magnitude(x);
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    return a + x;
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return a + b; }
  static PLAIT_INLINE Acc lift(Lane a) { return a; }
  static PLAIT_INLINE Acc finish(Acc a, const ReduceParams&) { return a; }
};

// Squares are formed and added in double: those of floats neither overflow nor vanish.
template <class T>
struct NormTwoInDouble {
  using Lane = double;
  using Acc = double;
  using Result = T;
  static constexpr Lane identity = 0;
  template <class X>
  static PLAIT_INLINE auto map(X x) {
    const auto wide = convert_to<Lane>(x);
    return wide * wide;
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    return a + x;
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return a + b; }
  static PLAIT_INLINE Acc lift(Lane a) { return a; }
  static PLAIT_INLINE Acc finish(Acc a, const ReduceParams& params) {
    return params.root ? __builtin_sqrt(a) : a;
  }
};
// Of 16-bit floats a block in float is exact enough, and four times as fast; unless squares did overflow or
// vanish.
template <class T>
struct NormTwoInFloat : NormTwoInDouble<T> {
  using Lane = float;
  using Wider = NormTwoInDouble<T>;
  static constexpr Lane identity = 0;
  template <class X>
  static PLAIT_INLINE auto map(X x) {
    return x * x;
  }
  static PLAIT_INLINE double lift(Lane a) { return a; }
  static PLAIT_INLINE bool is_sound(double sum) { return sum > 1e-25 && sum < 1e35; }
};
template <class T>
using NormTwo = std::conditional_t<sizeof(T) == 2, NormTwoInFloat<T>, NormTwoInDouble<T>>;

template <class T, bool Largest>
struct NormExtreme : Extreme<T, Largest> {
  using Lane = compute_t<T>;
  static constexpr Lane identity = Largest ? Lane(0) : worst<Lane, false>();
  template <class X>
  static PLAIT_INLINE X map(X x) {
    return magnitude(x);
  }
};
template <class T>
using NormMax = NormExtreme<T, true>;
template <class T>
using NormMin = NormExtreme<T, false>;

constexpr ReduceTable<Extremes> make_extremes() {
  ReduceTable<Extremes> t{};
  reduce_row<Extremes::Max, Max>(t, Reals{});
  reduce_row<Extremes::Min, Min>(t, Reals{});
  reduce_row<Extremes::Any, Any>(t, Reals{});
  reduce_row<Extremes::All, All>(t, Reals{});
  return t;
}

constexpr ReduceTable<Norms> make_norms() {
  ReduceTable<Norms> t{};
  reduce_row<Norms::One, NormOne>(t, Floats{});
  reduce_row<Norms::Two, NormTwo>(t, Floats{});
  reduce_row<Norms::Max, NormMax>(t, Floats{});
  reduce_row<Norms::Min, NormMin>(t, Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ReduceTable<Extremes> extremes_table = make_extremes();
extern constinit const ReduceTable<Norms> norms_table = make_norms();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
