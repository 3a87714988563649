// Races that are meant. make cuda-racecheck finds the others.
#pragma once

#include <cuda_runtime.h>

namespace plait::cuda {

// A store that several threads may make to one place in one launch, where any of their values may stay. Who
// reads it in that launch has a race nevertheless.
template <class T>
__device__ __forceinline__ void store_in_any_order(T* at, const T& value) {
#ifdef PLAIT_CUDA_EMULATED
  emulator::store_in_any_order(at, value);
#else
  *at = value;
#endif
}

// A load of what other threads change by atomic operations in the same launch: a guess, which an atomic
// operation confirms.
template <class T>
__device__ __forceinline__ T load_as_guess(const T* at) {
#ifdef PLAIT_CUDA_EMULATED
  return emulator::load_in_any_order(at);
#else
  return *at;
#endif
}

}  // namespace plait::cuda
