// What the kernels of layer norm share: weights, the second result in 16 bits, the arguments of the
// derivative.
#pragma once

#include "cuda/device/row.cuh"
#include "cuda/device/row_math.cuh"
#include "cuda/kernels/layer_norm.h"

namespace plait::cuda {
namespace {

// A weight of every column: elements of T or, where `wide`, of its opmath type.
template <class T>
struct Weights {
  const void* data;
  bool wide;

  template <int W>
  __device__ __forceinline__ void load(int i, opmath_t<T> (&to)[W]) const {
    using O = opmath_t<T>;
    if constexpr (!std::is_same_v<O, T>) {
      if (!wide) {
        const auto v = *reinterpret_cast<const Vector<T, W>*>(static_cast<const T*>(data) + i);
#pragma unroll
        for (int k = 0; k < W; ++k) to[k] = to_op(v.at[k]);
        return;
      }
    }
    constexpr int kPart = W < kVectorWidth<O> ? W : kVectorWidth<O>;  // 16 bytes
#pragma unroll
    for (int p = 0; p < W; p += kPart) {
      const auto v = *reinterpret_cast<const Vector<O, kPart>*>(static_cast<const O*>(data) + i + p);
#pragma unroll
      for (int k = 0; k < kPart; ++k) to[p + k] = v.at[k];
    }
  }
};

// W results at `at` once more, in 16 bits.
template <class L, int W>
__device__ __forceinline__ void store_as(void* to, int64_t at, const float (&values)[W]) {
  Vector<L, W> out;
#pragma unroll
  for (int k = 0; k < W; ++k) out.at[k] = from_op<L>(values[k]);
  *reinterpret_cast<Vector<L, W>*>(static_cast<L*>(to) + at) = out;  // read again at once
}
template <int W>
__device__ __forceinline__ void store_lower(LowerResult lower, int64_t at, const float (&values)[W]) {
  if (!lower.data) return;
  if (lower.bfloat16)
    store_as<BFloat16, W>(lower.data, at, values);
  else
    store_as<Half, W>(lower.data, at, values);
}

// G: float where T is float or, from a product in 16 bits, one of these; else T.
template <class T, class G>
struct Backward {
  using O = opmath_t<T>;
  const G* g;
  const T* x;
  Weights<T> w;
  const O *mean, *rstd;
  const T* sum;  // to be added to dx, where the kernel does
  T* dx;         // may be null
  LowerResult lower;
  O* parts;  // (parts, 2, n): of dw, of db; may be null
  int64_t rows;
  int n;
  bool center;
};

}  // namespace
}  // namespace plait::cuda
