// Events without timing, used again and again: making one costs a microsecond.
#pragma once

#include "cuda/runtime/device.h"

namespace plait::cuda {

cudaEvent_t take_event(int device) noexcept;  // null where CUDA refuses
void give_event(int device, cudaEvent_t event) noexcept;

// Behind what the stream was given until now; false where CUDA refuses.
bool record_event(int device, cudaEvent_t event, cudaStream_t stream) noexcept;

}  // namespace plait::cuda
