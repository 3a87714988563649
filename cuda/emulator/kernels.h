// Running kernels: block by block, each thread a function call until it has to wait for others.
#pragma once

#include <cstddef>

#include "cuda_runtime_api.h"

namespace emulator {

bool is_kernel_running();
// "block (x, y, z), thread (x, y, z) of kernel ..." for messages. Returns its length.
int describe_position(char* text, size_t size);
// Ends the launch from within a thread: all stacks are abandoned.
[[noreturn]] void abandon_launch(cudaError_t error);

}  // namespace emulator
