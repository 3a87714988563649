// The larger or smaller of two, NaN before all: what extremes and their positions share. For *.isa.cpp files.
#pragma once

#include <limits>

#include "ops/cpu/reduce_loops.h"

namespace plait::cpu {
namespace {

template <class E, bool Largest>
constexpr E worst() {
  using Limits = std::numeric_limits<E>;
  if constexpr (Limits::has_infinity)
    return Largest ? -Limits::infinity() : Limits::infinity();
  else
    return Largest ? Limits::lowest() : Limits::max();
}

// a where it is beyond x, or NaN; else x. For numbers and vectors of E.
template <class E, bool Largest, class V>
PLAIT_INLINE V extreme(V a, V x) {
  if constexpr (std::is_integral_v<E>) {
    if constexpr (Largest) return choose_lanes(a > x, a, x);
    return choose_lanes(a < x, a, x);
  } else {
    if constexpr (Largest) return choose_lanes((a > x) | (a != a), a, x);
    return choose_lanes((a < x) | (a != a), a, x);
  }
}

// A reduction of T's elements.
template <class T, bool Largest>
struct Extreme {
  using Lane = Element<T>;
  using Acc = Lane;
  using Result = T;
  static constexpr Lane identity = worst<Lane, Largest>();
  static constexpr int kFewElements = sizeof(Lane) == 8 ? 7 : 31;
  template <class X>
  static PLAIT_INLINE X map(X x) {
    return x;
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    return extreme<Lane, Largest>(a, x);
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return step(a, b); }
  static PLAIT_INLINE Acc lift(Lane a) { return a; }
  static PLAIT_INLINE Acc finish(Acc a, const ReduceParams&) { return a; }
};

}  // namespace
}  // namespace plait::cpu
