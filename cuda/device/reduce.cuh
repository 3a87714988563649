// Combining values across the lanes of a warp, the threads of a block and the blocks of a launch. The order
// is fixed by the launch's shape: results do not change from run to run.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

// Any small struct through shuffles, word by word.
template <class V, class F>
__device__ __forceinline__ V by_words(const V& value, const F& shuffle) {
  static_assert(sizeof(V) % 4 == 0);
  uint32_t words[sizeof(V) / 4];
  __builtin_memcpy(words, &value, sizeof(V));
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(V) / 4); ++i) words[i] = shuffle(words[i]);
  V result;
  __builtin_memcpy(static_cast<void*>(&result), words, sizeof(V));
  return result;
}
template <class V>
__device__ __forceinline__ V shuffle_down(const V& value, int by) {
  return by_words(value, [by](uint32_t word) { return __shfl_down_sync(kAllLanes, word, by); });
}
template <class V>
__device__ __forceinline__ V shuffle_xor(const V& value, int mask) {
  return by_words(value, [mask](uint32_t word) { return __shfl_xor_sync(kAllLanes, word, mask); });
}
template <class V>
__device__ __forceinline__ V shuffle_up(const V& value, int by) {
  return by_words(value, [by](uint32_t word) { return __shfl_up_sync(kAllLanes, word, by); });
}
template <class V>
__device__ __forceinline__ V shuffle_from(const V& value, int lane) {
  return by_words(value, [lane](uint32_t word) { return __shfl_sync(kAllLanes, word, lane); });
}

// Commutative operations on values that every lane gets the result of.
struct AddValues {
  template <class V>
  __device__ __forceinline__ V operator()(V a, V b) const {
    return a + b;
  }
  // What changes nothing, given any of the values.
  template <class V>
  __device__ __forceinline__ V nothing(V) const {
    return V{};
  }
};
// NaN is passed over.
struct MaxValues {
  template <class V>
  __device__ __forceinline__ V operator()(V a, V b) const {
    return b > a || a != a ? b : a;
  }
  template <class V>
  __device__ __forceinline__ V nothing(V value) const {
    return value;
  }
};
// Two values at once.
template <class T>
struct Pair {
  T a, b;
  __device__ __forceinline__ friend Pair operator+(Pair x, Pair y) { return {x.a + y.a, x.b + y.b}; }
};

// Over groups of `lanes` neighbours, a power of 2; every lane of a group gets the same.
template <class V, class F>
__device__ __forceinline__ V warp_all(V value, int lanes, const F& f) {
#pragma unroll
  for (int mask = kWarp / 2; mask > 0; mask >>= 1)
    if (mask < lanes) value = f(value, shuffle_xor(value, mask));
  return value;
}

// Threads that work on one row together: threadIdx.x along the row, threadIdx.y on its own row. blockDim.x is
// a power of 2 below 32, or a multiple of 32 up to 1024. All threads of the block take part.
class RowGroup {
 public:
  static constexpr int kMaxWarps = 32;

  template <class V>
  struct Shared {
    V values[2][kMaxWarps];  // by turns, so that one barrier a reduction is enough
  };

  // The result is everybody's. `turn` alternates between consecutive calls with the same `shared`.
  template <class V, class F>
  static __device__ __forceinline__ V all(V value, Shared<V>& shared, int turn, const F& f) {
    const int lanes = static_cast<int>(blockDim.x);
    if (lanes <= kWarp) return warp_all(value, lanes, f);
    value = warp_all(value, kWarp, f);
    const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = lanes / kWarp,
              first = static_cast<int>(threadIdx.y) * warps;
    V* values = shared.values[turn & 1] + first;
    if (threadIdx.x % kWarp == 0) values[warp] = value;
    __syncthreads();
    if (warps <= 4) {
      value = values[0];
      for (int i = 1; i < warps; ++i) value = f(value, values[i]);
      return value;
    }
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    return warp_all(lane < warps ? values[lane] : f.nothing(values[0]), kWarp, f);
  }
};

// Several blocks work on one result: each has written its part to global memory before the call. True, for
// all threads, in the block that is the last of `blocks` to come here; it sees everybody's parts. The counter
// is 0 before and after.
__device__ __forceinline__ bool is_last_block(unsigned* counter, unsigned blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) last = atomicInc(counter, blocks - 1) == blocks - 1;
  __syncthreads();
  const bool result = last;
  if (result) __threadfence();
  return result;
}

}  // namespace plait::cuda
