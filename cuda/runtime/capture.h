// Is the current stream being captured? What a graph would record is not done now, and is done again at each
// replay.
#pragma once

#include "cuda/runtime/allocator.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {

inline bool is_capturing() {
  if (__builtin_expect(captures_underway() == 0, 1)) return false;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  // The null stream may not even be asked while another one is captured; it never is itself.
  if (cudaStreamIsCapturing(current_stream(), &status) != cudaSuccess) cudaGetLastError();
  return status == cudaStreamCaptureStatusActive;
}

}  // namespace plait::cuda
