// What every launch reads of the calling thread, in one small thread-local.
#pragma once

#include "cuda/runtime/device.h"

namespace plait::cuda {

struct ThreadState {
  int device = 0;  // CUDA's own beginning
  // The current stream of each device; null where no stream but the null stream has been set.
  cudaStream_t* streams = nullptr;
};
extern constinit thread_local ThreadState t_state;

}  // namespace plait::cuda
