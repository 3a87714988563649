#include "cuda/runtime/device.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "core/error.h"
#include "cuda/runtime/thread_state.h"

namespace plait::cuda {

constinit thread_local ThreadState t_state;

namespace {

std::atomic<bool> g_forked{false};
std::atomic<int> g_used{-1};

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check_cuda(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

DeviceProperties ask(int index) {
  DeviceProperties p{};
  cudaDeviceProp all;
  check_cuda(cudaGetDeviceProperties(&all, index));
  std::memcpy(p.name, all.name, sizeof p.name);
  p.name[sizeof p.name - 1] = 0;
  p.major = all.major;
  p.minor = all.minor;
  p.multiprocessors = all.multiProcessorCount;
  p.max_threads_per_multiprocessor = all.maxThreadsPerMultiProcessor;
  p.total_memory = all.totalGlobalMem;
  p.shared_memory_per_block = all.sharedMemPerBlock;
  p.shared_memory_per_block_optin =
      static_cast<size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index));
  p.l2_bytes = static_cast<size_t>(all.l2CacheSize);
  return p;
}

}  // namespace

int device_count() noexcept {
  static const int count = [] {
    int found = 0;
    if (cudaGetDeviceCount(&found) != cudaSuccess) {
      cudaGetLastError();
      return 0;
    }
    return std::min(found, kMaxDevices);
  }();
  return count;
}

int current_device() noexcept { return t_state.device; }

void check_device(int index) {
  check<RuntimeError>(index >= 0 && index < device_count(),
                      "cuda: there is no device {}: this machine has {}, counted from 0", index,
                      device_count());
}

int used_device() noexcept {
  const int used = g_used.load(std::memory_order_relaxed);
  return used < 0 ? current_device() : used;
}
void mark_used(int device) noexcept {
  if (g_used.load(std::memory_order_relaxed) < 0) g_used.store(device, std::memory_order_relaxed);
}

void set_device(int index) {
  check_not_forked();
  check_device(index);
  check_cuda(cudaSetDevice(index));
  t_state.device = index;
}

void DeviceGuard::restore(int index) noexcept {
  if (cudaSetDevice(index) == cudaSuccess)
    t_state.device = index;
  else
    cudaGetLastError();  // the process is at its end
}

const DeviceProperties& properties(int index) {
  static DeviceProperties known[kMaxDevices];
  static std::atomic<bool> asked[kMaxDevices];
  if (index >= 0 && index < kMaxDevices && asked[index].load(std::memory_order_acquire)) return known[index];
  check_not_forked();
  check_device(index);
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (!asked[index].load(std::memory_order_relaxed)) {
    known[index] = ask(index);
    asked[index].store(true, std::memory_order_release);
  }
  return known[index];
}

bool can_access_peer(int device, int peer) {
  check_not_forked();
  check_device(device);
  check_device(peer);
  int can = 0;
  check_cuda(cudaDeviceCanAccessPeer(&can, device, peer));
  return can != 0;
}

void enable_peer_access(int device, int peer) {
  static std::atomic<uint64_t> settled[kMaxDevices];  // bit per peer; asked for and refused counts
  const uint64_t bit = uint64_t{1} << peer;
  if (device == peer || settled[device].load(std::memory_order_relaxed) & bit) return;
  if (can_access_peer(device, peer)) {
    const DeviceGuard guard(device);
    const RelaxedCapture relaxed;
    const cudaError_t status = cudaDeviceEnablePeerAccess(peer, 0);
    // Enabled by another library, or the machine's limit of peers is reached: copies work either way.
    if (status == cudaErrorPeerAccessAlreadyEnabled || status == cudaErrorTooManyPeers)
      cudaGetLastError();
    else
      check_cuda(status);
  }
  settled[device].fetch_or(bit, std::memory_order_relaxed);
}

// Note [After fork]: a CUDA context does not survive a fork, and every call in the child fails in a way of
// its own, or hangs on a lock that another thread of the parent held. So the child is marked when it is born:
// what would call CUDA raises one clear error, and tensors that it inherited are dropped without a word to
// the driver.
void watch_forks() {
  pthread_atfork(nullptr, nullptr, [] { g_forked.store(true, std::memory_order_relaxed); });
}

bool forked() noexcept { return g_forked.load(std::memory_order_relaxed); }

void fail_forked() {
  fail<RuntimeError>(
      "Cannot re-initialize CUDA in forked subprocess: the parent used CUDA before it forked; start "
      "processes with multiprocessing's 'spawn' or 'forkserver' method, or use CUDA in the children alone");
}

}  // namespace plait::cuda
