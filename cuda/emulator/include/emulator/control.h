// What tests ask of the emulator: limits, ordered failures, counters. C functions, for ctypes too.
//
// Environment, read at the first call of the runtime:
//   PLAIT_CUDA_EMULATOR_DEVICES   number of devices (2)
//   PLAIT_CUDA_EMULATOR_MEMORY    bytes of memory of each device (1 GiB)
//   PLAIT_CUDA_EMULATOR_SEED      decides the order of streams, blocks and threads (1)
// And read at each finding of the race detector:
//   PLAIT_CUDA_RACECHECK_LOG      file that findings are added to, each pair of places in a kernel once; the
//                                 launch goes on. Else a finding goes to stderr and ends the launch
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
extern "C" {

// The nth call from now (1: the next one) of the runtime's function `api` returns `error` and does nothing;
// nth = 0 takes the order back. Launches are "cudaLaunchKernel"; errors that end a context
// (cudaErrorLaunchFailure, cudaErrorIllegalAddress...) stay, as on a GPU. Orders add up. Returns 0, or -1
// where an argument is wrong.
int plait_emulator_fail_after(const char* api, int nth, int error);

// The device's total memory from now on. What is allocated stays. Returns 0 or -1.
int plait_emulator_set_memory(int device, size_t bytes);

void plait_emulator_set_seed(uint64_t seed);

// Copies up to `count` counters, in the order of PlaitEmulatorCounter, and returns how many there are.
int plait_emulator_counters(uint64_t* values, int count);
// All to zero, but those of memory in use.
void plait_emulator_reset_counters(void);
// For emulated libraries: adds one to a counter.
void plait_emulator_count(int counter);

}  // extern "C"
#pragma GCC visibility pop

enum PlaitEmulatorCounter {
  PlaitEmulatorKernels,          // kernels run
  PlaitEmulatorLaunches,         // kernels queued
  PlaitEmulatorMallocs,          // calls of cudaMalloc that succeeded
  PlaitEmulatorFrees,            // calls of cudaFree that succeeded
  PlaitEmulatorBytes,            // device memory in use, all devices
  PlaitEmulatorPeakBytes,        // the most there was
  PlaitEmulatorHostAllocations,  // calls of cudaHostAlloc, cudaMallocHost and cudaHostRegister that succeeded
  PlaitEmulatorCopies,           // copies queued
  PlaitEmulatorFills,            // cudaMemset
  PlaitEmulatorSynchronizations,  // times that the host waited for the device
  PlaitEmulatorGraphLaunches,
  PlaitEmulatorLibraryCalls,  // algorithms of CUB and matrix products of cuBLASLt that were queued
  PlaitEmulatorHeuristics,    // cublasLtMatmulAlgoGetHeuristic
  PlaitEmulatorCounterCount
};
