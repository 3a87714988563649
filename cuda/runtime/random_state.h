// Where a kernel finds its random numbers. For device code: no tensors here.
#pragma once

#include <cstdint>

#include "plait/inline.h"

namespace plait::cuda {

struct PhiloxKey {
  uint64_t seed, offset;  // of plait/philox.h
};

// What kernels take by value. Outside of captured graphs, seed and offset are the address. A captured kernel
// runs many times, with other numbers each time: `extra` points to two words of device memory, {offset,
// seed}, which each replay writes before it starts; the kernel's own offset counts from there.
struct RandomState {
  uint64_t seed, offset;
  const uint64_t* extra;

  PLAIT_INLINE PhiloxKey key() const {
    if (!extra) return {seed, offset};
    return {extra[1], extra[0] + offset};
  }
};

}  // namespace plait::cuda
