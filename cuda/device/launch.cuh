// Launching kernels, for nvcc and for the emulator:
//   launch(kernel<T>, {blocks, threads}, pointer, n);                     on the current stream
//   launch(kernel<T>, {.grid = blocks, .block = threads, .shared = bytes}, pointer, n);
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "cuda/runtime/stream.h"

namespace plait::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct LaunchConfig {
  dim3 grid, block;
  size_t shared = 0;  // bytes of dynamic shared memory
  cudaStream_t stream = current_stream();
};

// Arguments are converted to the kernel's own types and taken by value. An empty grid launches nothing.
template <class... P, class... A>
void launch(void (*kernel)(P...), const LaunchConfig& config, A... args) {
  static_assert(sizeof...(P) == sizeof...(A), "the kernel has another number of arguments");
  if (config.grid.x == 0 || config.grid.y == 0 || config.grid.z == 0) return;
#ifdef PLAIT_CUDA_EMULATED
  check_cuda(emulator::launch(kernel, config.grid, config.block, config.shared, config.stream,
                              static_cast<P>(args)...));
#else
  const auto go = [&](std::remove_const_t<P>... values) {
    void* pointers[] = {const_cast<void*>(static_cast<const void*>(&values))..., nullptr};
    check_cuda(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), config.grid, config.block, pointers,
                                config.shared, config.stream));
  };
  go(static_cast<P>(args)...);
#endif
}

// Dynamic shared memory, as many bytes as the launch asked for, 16-byte aligned.
template <class T>
__device__ __forceinline__ T* shared_memory() {
#ifdef PLAIT_CUDA_EMULATED
  return static_cast<T*>(emulator::dynamic_shared_memory());
#else
  extern __shared__ __align__(16) unsigned char plait_dynamic_shared_memory[];
  return reinterpret_cast<T*>(plait_dynamic_shared_memory);
#endif
}

}  // namespace plait::cuda
