// Rows that stay in registers: each thread of a group (device/reduce.cuh, RowGroup) holds E elements of its
// row, so that the row is read once whatever is computed of it.
//
// W elements are read as one vector of 16 bytes where rows allow it, else W is 1. Vector v of thread t is the
// (t + v * blockDim.x)-th of the row: neighbours read neighbours.
#pragma once

#include "cuda/device/reduce.cuh"

namespace plait::cuda {

template <class T, int W, int E>
struct RowTile {
  static constexpr int kVectors = E / W;
  static_assert(E % W == 0);
  using O = opmath_t<T>;
  O at[E];

  // Where element i of this thread stands in the row.
  static __device__ __forceinline__ int index(int i) {
    return (static_cast<int>(threadIdx.x) + i / W * static_cast<int>(blockDim.x)) * W + i % W;
  }
  // Beyond the end stands `rest`. A row that many blocks read (a weight) is not `Streaming`.
  template <bool Streaming = true>
  __device__ __forceinline__ void load(const T* row, int n, O rest) {
    using V = Vector<T, W>;
    V loaded[kVectors];
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int i = index(v * W);
      if (i < n) {
        const V* from = reinterpret_cast<const V*>(row + i);
        if constexpr (Streaming)
          loaded[v] = load_streaming(from);
        else
          loaded[v] = *from;
      }
    }
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const bool inside = index(v * W) < n;
#pragma unroll
      for (int i = 0; i < W; ++i) at[v * W + i] = inside ? to_op(loaded[v].at[i]) : rest;
    }
  }
  __device__ __forceinline__ void store(T* row, int n) const {
    using V = Vector<T, W>;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int i = index(v * W);
      if (i >= n) continue;
      V out;
#pragma unroll
      for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(at[v * W + k]);
      store_streaming(reinterpret_cast<V*>(row + i), out);
    }
  }
};

// How a launch covers rows of n elements with E in each thread.
struct RowShape {
  dim3 block;
  unsigned blocks;
};
// A warp or less a row as long as that suffices, and rows beside each other in blocks of about 128 threads.
inline RowShape row_shape(int64_t rows, int64_t n, int per_thread) {
  int64_t lanes = 1;
  const int64_t needed = ceil_div(n > 0 ? n : 1, per_thread);
  if (needed <= kWarp)
    while (lanes < needed) lanes *= 2;
  else
    lanes = ceil_div(needed, kWarp) * kWarp;
  const int64_t beside = lanes >= 128 ? 1 : 128 / lanes;
  return {dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(beside)),
          static_cast<unsigned>(ceil_div(rows, beside))};
}

template <class T, int W>
bool fits_vector(const void* p) {
  return reinterpret_cast<uintptr_t>(p) % (W * sizeof(T)) == 0;
}
// Can rows of n elements at these pointers, `strides` elements apart, be read by vectors?
template <class T>
bool rows_fit_vectors(int64_t n, std::initializer_list<const void*> pointers,
                      std::initializer_list<int64_t> strides = {}) {
  constexpr int W = kVectorWidth<T>;
  if (n % W) return false;
  for (const void* p : pointers)
    if (!fits_vector<T, W>(p)) return false;
  for (const int64_t stride : strides)
    if (stride % W) return false;
  return true;
}

}  // namespace plait::cuda
