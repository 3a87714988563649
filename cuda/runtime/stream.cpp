#include "cuda/runtime/stream.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "core/backend.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/fault.h"
#include "cuda/runtime/thread_state.h"

namespace plait::cuda {
namespace {

// The array of a thread that has set a stream goes with the thread.
struct StreamsOfThread {
  bool armed = false;
  ~StreamsOfThread() { delete[] std::exchange(t_state.streams, nullptr); }
};
thread_local StreamsOfThread t_cleanup;

constexpr int kPoolSize = 32;
constexpr int kPriorities = 8;

struct StreamPool {
  std::atomic<unsigned> next{0};
  std::atomic<cudaStream_t> streams[kPoolSize]{};
};
struct DeviceStreams {
  std::once_flag asked;
  int highest = 0;
  StreamPool pools[kPriorities];
};

DeviceStreams& streams_of(int device) {
  static auto* all = new DeviceStreams[kMaxDevices];
  check_not_forked();
  check_device(device);
  DeviceStreams& streams = all[device];
  std::call_once(streams.asked, [&] {
    const DeviceGuard guard(device);
    int lowest = 0, highest = 0;
    check_cuda(cudaDeviceGetStreamPriorityRange(&lowest, &highest));
    streams.highest = std::clamp(highest, 1 - kPriorities, 0);
  });
  return streams;
}

}  // namespace

cudaStream_t current_stream(int device) noexcept {
  const cudaStream_t* streams = t_state.streams;
  return streams ? streams[device] : nullptr;
}

cudaStream_t current_stream() noexcept { return current_stream(t_state.device); }

void set_current_stream(int device, cudaStream_t stream) noexcept {
  if (!t_state.streams) {
    if (!stream) return;
    t_cleanup.armed = true;
    t_state.streams = new cudaStream_t[static_cast<size_t>(std::max(device_count(), device + 1))]();
  }
  t_state.streams[device] = stream;
}

int highest_priority(int device) { return streams_of(device).highest; }

cudaStream_t pooled_stream(int device, int priority) {
  DeviceStreams& streams = streams_of(device);
  StreamPool& pool = streams.pools[-std::clamp(priority, streams.highest, 0)];
  std::atomic<cudaStream_t>& slot =
      pool.streams[pool.next.fetch_add(1, std::memory_order_relaxed) % kPoolSize];
  if (cudaStream_t made = slot.load(std::memory_order_acquire)) return made;
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (!slot.load(std::memory_order_relaxed)) {
    const DeviceGuard guard(device);
    const RelaxedCapture relaxed;
    cudaStream_t made = nullptr;
    check_cuda(
        cudaStreamCreateWithPriority(&made, cudaStreamNonBlocking, std::clamp(priority, streams.highest, 0)));
    slot.store(made, std::memory_order_release);
  }
  return slot.load(std::memory_order_relaxed);
}

int stream_priority(cudaStream_t stream) {
  check_not_forked();
  int priority = 0;
  check_cuda(cudaStreamGetPriority(stream, &priority));
  return priority;
}

void synchronize_stream(cudaStream_t stream) {
  check_not_forked();
  {
    const DeviceWait waiting;
    check_cuda(cudaStreamSynchronize(stream));
  }
  raise_faults(current_device());
}

void synchronize_device(int device) {
  const DeviceGuard guard(device);
  check_not_forked();
  {
    const DeviceWait waiting;
    check_cuda(cudaDeviceSynchronize());
  }
  raise_faults(device);
}

bool ask_is_capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  // The null stream may not even be asked while another one is captured; it never is itself.
  if (cudaStreamIsCapturing(stream, &status) == cudaSuccess) return status == cudaStreamCaptureStatusActive;
  cudaGetLastError();
  return false;  // the status is whatever the call left
}

}  // namespace plait::cuda
