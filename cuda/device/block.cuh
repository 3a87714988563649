// What the threads of a block agree on.
#pragma once

#include "cuda/device/launch.cuh"

namespace plait::cuda {

__device__ __forceinline__ unsigned lane_id() { return threadIdx.x % kWarp; }
__device__ __forceinline__ unsigned warp_id() { return threadIdx.x / kWarp; }

// The lanes of a warp before this one, as a mask.
__device__ __forceinline__ unsigned lanes_before() { return (1u << lane_id()) - 1u; }

// The sum of the values of this lane and of those before it.
template <class T>
__device__ __forceinline__ T warp_inclusive_sum(T value) {
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const T other = __shfl_up_sync(kAllLanes, value, step);
    if (lane_id() >= static_cast<unsigned>(step)) value = static_cast<T>(value + other);
  }
  return value;
}

// The sum of the values of the threads before this one; `total` is that of all. For blocks of whole warps,
// all of whose threads call it.
template <int Threads, class T>
__device__ __forceinline__ T block_exclusive_sum(T value, T& total) {
  constexpr int kWarps = Threads / kWarp;
  static_assert(Threads % kWarp == 0 && kWarps <= kWarp);
  __shared__ T sums[kWarps];
  const T inclusive = warp_inclusive_sum(value);
  __syncthreads();  // the sums of a call before have been read
  if (lane_id() == kWarp - 1) sums[warp_id()] = inclusive;
  __syncthreads();
  T before = 0;
  total = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w == static_cast<int>(warp_id())) before = total;
    total = static_cast<T>(total + sums[w]);
  }
  return static_cast<T>(before + inclusive - value);
}

}  // namespace plait::cuda
