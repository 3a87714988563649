// Running sums of exponentials about the largest number so far.
#pragma once

#include "cuda/device/row_math.cuh"

namespace plait::cuda {

// Of elements of T. Infinities are not subtracted: a sum of nothing but exp(-inf) is 0.
template <class T>
struct LogSum {
  using O = opmath_t<T>;
  O top, sum;

  static __device__ __forceinline__ LogSum empty() { return {-infinity<O>(), O(0)}; }
  // What is subtracted in the exponents.
  static __device__ __forceinline__ O center(O top) { return top - top == O(0) ? top : O(0); }
  __device__ __forceinline__ O about(O middle) const {
    return sum == O(0) ? O(0) : sum * exp_of<T>(center(top) - middle);
  }
  // N numbers, of which `most` is the largest.
  template <int N>
  __device__ __forceinline__ void add(const O (&x)[N], O most) {
    const O next = most > top ? most : top, middle = center(next);
    O part = 0;
#pragma unroll
    for (int i = 0; i < N; ++i) part += exp_about<T>(x[i], middle);
    sum = about(middle) + part;
    top = next;
  }
  __device__ __forceinline__ O log() const { return center(top) + log_of(sum); }
};

template <class T>
struct JoinLogSums {
  __device__ __forceinline__ LogSum<T> operator()(const LogSum<T>& a, const LogSum<T>& b) const {
    const auto top = b.top > a.top ? b.top : a.top, middle = LogSum<T>::center(top);
    return {top, a.about(middle) + b.about(middle)};
  }
  __device__ __forceinline__ LogSum<T> nothing(const LogSum<T>&) const { return LogSum<T>::empty(); }
};

}  // namespace plait::cuda
