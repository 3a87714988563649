// Copies from global to shared memory that threads do not wait for (cp.async), and room for large tiles.
#pragma once

#include <atomic>

#include "cuda/device/launch.cuh"
#include "cuda/runtime/device.h"

namespace plait::cuda {

// 16 bytes, both aligned to 16; zeros where not `valid` (nothing is read then).
template <class T>
__device__ __forceinline__ void copy_async(T* to, const T* from, bool valid) {
#ifdef PLAIT_CUDA_EMULATED
  if (valid)
    __builtin_memcpy(static_cast<void*>(to), from, 16);
  else
    __builtin_memset(static_cast<void*>(to), 0, 16);
#else
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
#endif
}

// The calling thread's copies have arrived; those of others after a __syncthreads() that follows.
__device__ __forceinline__ void wait_for_copies() {
#ifndef PLAIT_CUDA_EMULATED
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// More dynamic shared memory for a kernel than the 48 KB that every launch may have. Asked for once a device.
template <auto kKernel>
void allow_shared(size_t bytes) {
  constexpr size_t kAlways = 48 * 1024;
  if (bytes <= kAlways) return;
  static_assert(kMaxDevices <= 64);
  static std::atomic<uint64_t> allowed{0};
  const uint64_t device = uint64_t{1} << current_device();
  if (allowed.load(std::memory_order_relaxed) & device) return;
  check_cuda(cudaFuncSetAttribute(reinterpret_cast<const void*>(kKernel),
                                  cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
  allowed.fetch_or(device, std::memory_order_relaxed);
}

}  // namespace plait::cuda
