// Largest and smallest elements, of the numbers or of their magnitudes.
#include <limits>

#include "cuda/device/extreme.cuh"
#include "cuda/device/reduce_kernel.cuh"
#include "cuda/kernels/reduce.h"

namespace plait::cuda {
namespace {

template <class T>
struct ExtremeOf {
  static constexpr bool kPair = false;
  using Element = T;
  using Lane = Ordered<T>;
  using Acc = Lane;
  Ordering<T> order;
  T fill;  // an element that is before no other

  __device__ Lane start(int64_t) const { return order.key(fill); }
  __device__ T neutral() const { return fill; }
  __device__ Lane map(T x) const { return order.key(x); }
  __device__ Lane step(Lane a, Lane b) const { return larger(a, b); }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    lane = larger(lane, fold_chunk(*this, x));
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return larger(a, b); }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    reinterpret_cast<T*>(out[0])[at] = order.element(acc);
  }
};

template <class T, ReduceOp Function>
void extreme(const ReducePlan& plan) {
  constexpr bool largest = Function == ReduceOp::Max || Function == ReduceOp::NormMax;
  constexpr bool magnitude = Function == ReduceOp::NormMax || Function == ReduceOp::NormMin;
  constexpr bool common = !std::is_integral_v<T> || sizeof(T) >= 4;
  const T fill = Function == ReduceOp::NormMax ? static_cast<T>(0) : last_of<T>(largest);
  run_reduction<common ? ReduceVectors::Both : ReduceVectors::None>(
      plan, ExtremeOf<T>{Ordering<T>(largest, magnitude), fill});
}

// The element that comes first and where it stands, the first of equals.
template <class T>
struct PositionOf {
  static constexpr bool kPair = false;
  using Element = T;
  struct Lane {
    Ordered<T> key;
    uint32_t index;
  };
  struct Acc {
    Ordered<T> key;
    int64_t index;
  };
  static constexpr uint32_t kNone = ~uint32_t{0};
  Ordering<T> order;
  T fill;

  __device__ Lane start(int64_t) const { return {order.key(fill), kNone}; }
  __device__ T neutral() const { return fill; }
  __device__ Ordered<T> map(T x) const { return order.key(x); }
  __device__ Ordered<T> step(Ordered<T> a, Ordered<T> b) const { return larger(a, b); }
  // The largest of a chunk, and only where it beats what was there, which soon is rare, a search for it.
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I& index) const {
    const Ordered<T> top = fold_chunk(*this, x);
    if (lane.index != kNone && !beats(top, lane.key)) return;
    lane.key = top;
    lane.index = index(0);
    bool found = same_key(order.key(x[0]), top);
#pragma unroll
    for (int j = 1; j < N; ++j) {
      const bool here = !found && same_key(order.key(x[j]), top);
      if (here) lane.index = index(j);
      found |= here;
    }
  }
  __device__ Acc lift(const Lane& lane, int64_t base) const {
    return {lane.key, lane.index == kNone ? INT64_MAX : base + lane.index};
  }
  __device__ Acc merge(const Acc& a, const Acc& b) const {
    if (a.index == INT64_MAX) return b;
    if (b.index == INT64_MAX) return a;
    if (beats(b.key, a.key)) return b;
    return b.index < a.index && same_key(a.key, b.key) ? b : a;
  }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    if (out[0]) reinterpret_cast<T*>(out[0])[at] = order.element(acc.key);
    if (out[1]) reinterpret_cast<int64_t*>(out[1])[at] = acc.index;
  }
};

template <class T, bool Largest>
void position(const ReducePlan& plan) {
  constexpr bool common = std::is_floating_point_v<opmath_t<T>> || sizeof(T) == 8;
  run_reduction<common ? ReduceVectors::Both : ReduceVectors::None>(
      plan, PositionOf<T>{Ordering<T>(Largest, false), last_of<T>(Largest)});
}

template <class T>
using element_t = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

}  // namespace

Reducer detail::extreme_reducer(ReduceOp function, DType dtype) {
  return visit(dtype, [&]<class T>() -> Reducer {
    constexpr DType type = dtype_of<T>;
    using E = element_t<T>;
    if constexpr (!is_complex(type)) {
      if (function == ReduceOp::Max) return &extreme<E, ReduceOp::Max>;
      if (function == ReduceOp::Min) return &extreme<E, ReduceOp::Min>;
      if (function == ReduceOp::MaxPosition) return &position<E, true>;
      if (function == ReduceOp::MinPosition) return &position<E, false>;
      if constexpr (is_floating(type)) {
        if (function == ReduceOp::NormMax) return &extreme<E, ReduceOp::NormMax>;
        if (function == ReduceOp::NormMin) return &extreme<E, ReduceOp::NormMin>;
      }
    }
    return nullptr;
  });
}

}  // namespace plait::cuda
