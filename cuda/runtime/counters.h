// Counters in device memory that are zero: by them the last of several blocks knows itself
// (device/reduce.cuh).
#pragma once

#include <optional>

#include "cuda/runtime/memory.h"

namespace plait::cuda {

// For one launch on the current stream, which must leave them at zero. Note [Counters] in counters.cpp.
class Counters {
 public:
  explicit Counters(int64_t count);
  unsigned* data() const { return data_; }

 private:
  unsigned* data_;
  std::optional<Workspace> own_;
};

}  // namespace plait::cuda
