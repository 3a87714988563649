#include "cuda/runtime/event_pool.h"

#include <mutex>
#include <vector>

namespace plait::cuda {
namespace {

struct EventPool {
  std::mutex mutex;
  std::vector<cudaEvent_t> events;
};
EventPool& pool_of(int device, bool timing) {
  static auto* pools = new EventPool[2 * kMaxDevices];
  return pools[2 * device + timing];
}

}  // namespace

cudaEvent_t take_event(int device, bool timing) noexcept {
  {
    EventPool& pool = pool_of(device, timing);
    std::lock_guard lock(pool.mutex);
    if (!pool.events.empty()) {
      const cudaEvent_t event = pool.events.back();
      pool.events.pop_back();
      return event;
    }
  }
  try {
    const DeviceGuard guard(device);
    cudaEvent_t event = nullptr;
    if (cudaEventCreateWithFlags(&event, timing ? 0u : cudaEventDisableTiming) == cudaSuccess) return event;
    cudaGetLastError();
  } catch (...) {
  }
  return nullptr;
}

bool record_event(int device, cudaEvent_t event, cudaStream_t stream) noexcept {
  // The null stream is the current device's.
  const int current = current_device();
  if (current != device && cudaSetDevice(device) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  const bool done = cudaEventRecord(event, stream) == cudaSuccess;
  if (!done) cudaGetLastError();
  if (current != device) cudaSetDevice(current);
  return done;
}

void give_event(int device, cudaEvent_t event, bool timing) noexcept {
  EventPool& pool = pool_of(device, timing);
  std::lock_guard lock(pool.mutex);
  pool.events.push_back(event);
}

}  // namespace plait::cuda
