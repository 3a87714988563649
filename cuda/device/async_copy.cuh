// Copies from global to shared memory that threads do not wait for (cp.async), and room for large tiles.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "cuda/device/launch.cuh"
#include "cuda/runtime/device.h"

namespace plait::cuda {

#ifdef PLAIT_CUDA_EMULATED

// Copies arrive when they are waited for and not before, as they may on a GPU. Until then their place holds
// what fresh memory does. It is written at both times, since on a GPU it may be at any in between: whoever
// reads it meanwhile has a race. By assignments, which the race detector sees (it does not see memset).
namespace async_copy {

struct alignas(16) Bytes {
  uint64_t words[2];
};
constexpr uint64_t kFreshWord = 0x7F7F7F7F7F7F7F7F;

struct Copy {
  Bytes* to;
  const Bytes* from;
  bool valid;
};
struct Pending {
  std::vector<Copy> copies;
  std::vector<size_t> groups;  // how many copies there were at the end of each
  uint3 block{};

  // The first `done` groups, or all that was asked for: `count` copies.
  void arrive(size_t done, size_t count) {
    for (size_t i = 0; i < count; ++i) *copies[i].to = copies[i].valid ? *copies[i].from : Bytes{};
    copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(count));
    groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(done));
    for (size_t& end : groups) end -= count;
  }
};
// Of the calling thread.
inline Pending& pending() {
  static constinit Pending of_threads[1024] = {};  // made by no thread, which would look like a race
  Pending& p = of_threads[(threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x];
  if (p.block.x != blockIdx.x || p.block.y != blockIdx.y || p.block.z != blockIdx.z) {
    p.copies.clear();  // a block that is over has not waited for them
    p.groups.clear();
    p.block = blockIdx;
  }
  return p;
}

}  // namespace async_copy

template <class T>
void copy_async(T* to, const T* from, bool valid) {
  auto* place = reinterpret_cast<async_copy::Bytes*>(to);
  *place = {{async_copy::kFreshWord, async_copy::kFreshWord}};
  async_copy::pending().copies.push_back({place, reinterpret_cast<const async_copy::Bytes*>(from), valid});
}
inline void end_copy_group() {
  async_copy::Pending& p = async_copy::pending();
  p.groups.push_back(p.copies.size());
}
template <int N>
void wait_for_copy_groups() {
  async_copy::Pending& p = async_copy::pending();
  if (p.groups.size() <= N) return;
  const size_t done = p.groups.size() - N;
  p.arrive(done, p.groups[done - 1]);
}
inline void wait_for_copies() {
  async_copy::Pending& p = async_copy::pending();
  p.arrive(p.groups.size(), p.copies.size());
}

#else

// 16 bytes, both aligned to 16; zeros where not `valid` (nothing is read then).
template <class T>
__device__ __forceinline__ void copy_async(T* to, const T* from, bool valid) {
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
}
// What the calling thread has asked for since the last call is a group of copies, be it none.
__device__ __forceinline__ void end_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// All groups of the calling thread have arrived but for the last N, for its own eyes.
template <int N>
__device__ __forceinline__ void wait_for_copy_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
// The calling thread's copies have arrived; those of others after a __syncthreads() that follows.
__device__ __forceinline__ void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

#endif

// More dynamic shared memory for a kernel than the 48 KB that every launch may have. Asked for once a device,
// so `bytes` is what its largest launch there may need; together with the kernel's static shared memory at
// most the device's shared_memory_per_block_optin.
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
