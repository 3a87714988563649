// Is the current stream being captured? What a graph would record is not done now, and is done again at each
// replay.
#pragma once

#include <optional>

#include "cuda/runtime/allocator.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {

inline bool is_capturing(cudaStream_t stream) {
  if (__builtin_expect(captures_underway() == 0, 1)) return false;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  // The null stream may not even be asked while another one is captured; it never is itself.
  if (cudaStreamIsCapturing(stream, &status) == cudaSuccess) return status == cudaStreamCaptureStatusActive;
  cudaGetLastError();
  return false;  // the status is whatever the call left
}
inline bool is_capturing() { return captures_underway() != 0 && is_capturing(current_stream()); }

// For calls of libraries that may load kernels or ask for memory: a capture that is under way, in this thread
// or another, forbids that unless the thread says that it knows what it does. Nothing where there is none.
class RelaxedInCapture {
 public:
  RelaxedInCapture() {
    if (__builtin_expect(captures_underway() != 0, 0)) relaxed_.emplace();
  }

 private:
  std::optional<RelaxedCapture> relaxed_;
};

}  // namespace plait::cuda
