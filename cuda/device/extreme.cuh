// One order for largest and smallest elements, of numbers or magnitudes: every element has a key, and the
// element with the largest key is sought; a NaN beats all. So one kernel serves all four.
#pragma once

#include <limits>

#include "cuda/device/numeric.cuh"

namespace plait::cuda {

template <class T>
using Ordered = std::conditional_t<std::is_integral_v<T> && (sizeof(T) < 4), int32_t, opmath_t<T>>;

// By the bits: integers are inverted, floats negated where the smallest is sought.
template <class T>
struct Ordering {
  using Bits = bits_t<sizeof(T)>;
  Bits keep, flip;

  Ordering() = default;
  Ordering(bool largest, bool magnitude) {
    constexpr Bits sign = static_cast<Bits>(Bits{1} << (sizeof(T) * 8 - 1));
    if constexpr (std::is_integral_v<T>) {
      keep = static_cast<Bits>(~Bits{0});
      flip = largest ? Bits{0} : keep;
    } else {
      keep = magnitude ? static_cast<Bits>(~sign) : static_cast<Bits>(~Bits{0});
      flip = largest ? Bits{0} : sign;
    }
  }
  __device__ __forceinline__ T flipped(T x, Bits mask) const {
    Bits bits;
    __builtin_memcpy(&bits, &x, sizeof(T));
    bits = static_cast<Bits>((bits & mask) ^ flip);
    T result;
    __builtin_memcpy(static_cast<void*>(&result), &bits, sizeof(T));
    return result;
  }
  __device__ __forceinline__ Ordered<T> key(T x) const {
    return static_cast<Ordered<T>>(to_op(flipped(x, keep)));
  }
  __device__ __forceinline__ T element(Ordered<T> key) const {
    return flipped(from_op<T>(static_cast<opmath_t<T>>(key)), static_cast<Bits>(~Bits{0}));
  }
};

// An element that no other comes after, where the largest or the smallest is sought.
template <class T>
T last_of(bool largest) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_integral_v<T>)
    return largest ? Limits::lowest() : Limits::max();
  else
    return static_cast<T>((largest ? -1 : 1) * std::numeric_limits<opmath_t<T>>::infinity());
}

template <class K>
__device__ __forceinline__ K larger(K a, K b) {
  if constexpr (std::is_integral_v<K>)
    return a > b ? a : b;
  else
    return a > b || a != a ? a : b;
}
// Does x come before a? Equals do not, nor NaN before NaN.
template <class K>
__device__ __forceinline__ bool beats(K x, K a) {
  if constexpr (std::is_integral_v<K>)
    return x > a;
  else
    return !(x <= a) && a == a;
}
template <class K>
__device__ __forceinline__ bool same_key(K x, K a) {
  if constexpr (std::is_integral_v<K>)
    return x == a;
  else
    return x == a || (x != x && a != a);
}

}  // namespace plait::cuda
