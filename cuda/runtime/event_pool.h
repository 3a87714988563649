// Events, used again and again: making one costs a microsecond. Those without timing cost the device less.
#pragma once

#include "cuda/runtime/device.h"

namespace plait::cuda {

cudaEvent_t take_event(int device, bool timing = false) noexcept;  // null where CUDA refuses
void give_event(int device, cudaEvent_t event, bool timing = false) noexcept;

// Behind what the stream was given until now; false where CUDA refuses.
bool record_event(int device, cudaEvent_t event, cudaStream_t stream) noexcept;

}  // namespace plait::cuda
