#include "cuda/runtime/counters.h"

#include <atomic>
#include <mutex>

#include "cuda/runtime/cuda.h"

namespace plait::cuda {
namespace {

constexpr int64_t kRing = 1 << 18;  // counters; 1 MiB a device
constexpr int kMaxDevices = 64;

struct Ring {
  std::atomic<unsigned*> data{nullptr};
  std::atomic<uint64_t> next{0};
};
Ring g_rings[kMaxDevices];

__attribute__((noinline)) unsigned* make_ring(Ring& ring) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (unsigned* made = ring.data.load(std::memory_order_acquire)) return made;
  const RelaxedCapture relaxed;  // another thread may be capturing
  void* data = nullptr;
  check_cuda(cudaMalloc(&data, kRing * sizeof(unsigned)));
  const cudaStream_t stream = current_stream();
  check_cuda(cudaMemsetAsync(data, 0, kRing * sizeof(unsigned), stream));
  check_cuda(cudaStreamSynchronize(stream));  // once for a device: other streams may be next
  ring.data.store(static_cast<unsigned*>(data), std::memory_order_release);
  return static_cast<unsigned*>(data);
}

}  // namespace

// Note [Counters]: zeroing a few counters for each launch would cost a second one. So a device has a ring of
// them. A launch takes the next ones and leaves them at zero, since atomicInc wraps around. They come round
// again after 2^18 others, of which a launch takes some hundreds at most: far more launches than can be on
// their way at a time. A captured graph may be launched at any time, beside whatever runs then, and so has
// counters of its own, which it zeroes.
Counters::Counters(int64_t count) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (const cudaStream_t stream = current_stream())  // the null stream is never captured
    check_cuda(cudaStreamIsCapturing(stream, &status));
  if (status != cudaStreamCaptureStatusNone || count > kRing / 64) {
    own_.emplace(static_cast<size_t>(count) * sizeof(unsigned));
    data_ = own_->as<unsigned>();
    zero_memory(data_, static_cast<size_t>(count) * sizeof(unsigned));
    return;
  }
  Ring& ring = g_rings[current_device()];
  unsigned* data = ring.data.load(std::memory_order_acquire);
  if (!data) data = make_ring(ring);
  for (;;) {  // as many as do not cross the ring's end
    const auto first = static_cast<int64_t>(
        ring.next.fetch_add(static_cast<uint64_t>(count), std::memory_order_relaxed) % kRing);
    if (first + count > kRing) continue;
    data_ = data + first;
    return;
  }
}

}  // namespace plait::cuda
