// Is the current stream being captured? What a graph would record is not done now, and is done again at each
// replay.
#pragma once

#include <optional>

#include "cuda/runtime/allocator.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {

bool ask_is_capturing(cudaStream_t stream);  // the CUDA runtime
inline bool is_capturing(cudaStream_t stream) { return captures_underway() != 0 && ask_is_capturing(stream); }
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
