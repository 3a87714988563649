// What the device is given to do, a line each, in the file that PLAIT_CUDA_EMULATOR_LOG names:
//   kernel LIBRARY OFFSET GRID BLOCK SHARED     threads, in x y z, and bytes of dynamic shared memory
//   copy BYTES | fill BYTES | library NAME
// The variable is looked at each time, so that a program can have a part of itself logged.
// tools/cuda_launches.py reads it.
#pragma once

#include <cuda_runtime_api.h>

namespace emulator::launch_log {

void kernel(const void* function, dim3 grid, dim3 block, size_t shared);
void bytes(const char* what, size_t count);
void library(const char* name);

}  // namespace emulator::launch_log
