// The stream that the calling thread's kernels go to, one for each device.
#pragma once

#include "cuda/runtime/device.h"

namespace plait::cuda {

// The current stream of the current device. The null stream unless another was set.
cudaStream_t current_stream() noexcept;
cudaStream_t current_stream(int device) noexcept;
void set_current_stream(int device, cudaStream_t stream) noexcept;

// Streams from a pool of 32 a device and priority, never destroyed. They do not wait for the null stream.
// Priority 0 is the usual one, negative ones go first; what the device does not have is clamped.
cudaStream_t pooled_stream(int device, int priority);
int highest_priority(int device);  // at most 0

// The priority of any stream.
int stream_priority(cudaStream_t stream);

class StreamGuard {
 public:
  StreamGuard(int device, cudaStream_t stream) : device_(device), previous_(current_stream(device)) {
    set_current_stream(device, stream);
  }
  ~StreamGuard() { set_current_stream(device_, previous_); }
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  int device_;
  cudaStream_t previous_;
};

// Waits, and raises what the kernels reported (runtime/fault.h). The stream is one of the current device.
void synchronize_stream(cudaStream_t stream);
void synchronize_device(int device);

}  // namespace plait::cuda
