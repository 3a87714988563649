// What the tests of CUDA's host side share: kernels that write, and reading what they wrote.
#pragma once

#include <map>
#include <vector>

#include "catch.h"
#include "core/error.h"
#include "cuda/device/launch.cuh"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/fault.h"
#include "emulator/control.h"

namespace plait::cuda {

inline constexpr size_t kKiB = 1024, kMiB = kKiB * 1024;

inline __global__ void fill_kernel(float* to, int64_t n, float value) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) to[i] = value;
}
inline __global__ void copy_kernel(float* to, const float* from, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) to[i] = from[i];
}

inline LaunchConfig threads_for(int64_t n, cudaStream_t stream) {
  return {
      .grid = dim3(static_cast<unsigned>(ceil_div(n, 64))), .block = dim3(64), .shared = 0, .stream = stream};
}
inline void fill(void* to, int64_t n, float value, cudaStream_t stream) {
  launch(fill_kernel, threads_for(n, stream), static_cast<float*>(to), n, value);
}
inline void copy(void* to, const void* from, int64_t n, cudaStream_t stream) {
  launch(copy_kernel, threads_for(n, stream), static_cast<float*>(to), static_cast<const float*>(from), n);
}

inline std::vector<float> read(const void* from, int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  check_cuda(cudaMemcpy(values.data(), from, values.size() * sizeof(float), cudaMemcpyDeviceToHost));
  return values;
}

inline int64_t stat(Stat which, StatPool pool = StatPool::All, int device = 0) {
  return device_memory_stats(device).values[static_cast<int>(which)][static_cast<int>(pool)].current;
}
inline int64_t peak(Stat which, int device = 0) {
  return device_memory_stats(device).values[static_cast<int>(which)][0].peak;
}

// Every test begins with an empty cache, on device 0 and the null stream, and must give back what it takes.
struct Clean {
  Clean() {
    set_device(0);
    properties(0);  // asked for once, before a test changes the device
    set_current_stream(0, nullptr);
    check_cuda(cudaDeviceSynchronize());
    empty_cache();
    reset_accumulated_memory_stats(0);
    reset_peak_memory_stats(0);
    live = stat(Stat::AllocatedBytes);
    reserved = stat(Stat::ReservedBytes);
  }
  ~Clean() {
    set_current_stream(0, nullptr);
    set_device(0);
    cudaDeviceSynchronize();
    empty_cache();
    CHECK(stat(Stat::AllocatedBytes) == live);
    CHECK(stat(Stat::ActiveBytes) == live);
    CHECK(stat(Stat::ReservedBytes) == reserved);
    CHECK(stat(Stat::InactiveSplit) == 0);
  }
  int64_t live, reserved;
};

struct FreeBlock {
  void operator()(Block* block) const { free_block(block); }
};
using OwnedBlock = std::unique_ptr<Block, FreeBlock>;
inline OwnedBlock take(size_t bytes, cudaStream_t stream = nullptr, int device = 0) {
  return OwnedBlock(allocate_block(bytes, device, stream));
}

// The text of the error that f raises; empty where it raises none.
template <class E, class F>
std::string text_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return {};
}

inline uint64_t counter(PlaitEmulatorCounter which) {
  uint64_t values[PlaitEmulatorCounterCount] = {};
  plait_emulator_counters(values, PlaitEmulatorCounterCount);
  return values[which];
}

}  // namespace plait::cuda
