// Running kernels: block by block, each thread a function call until it has to wait for others.
#pragma once

#include <cstddef>

namespace emulator {

bool is_kernel_running();
// "block (x, y, z), thread (x, y, z) of kernel ..." for messages. Returns its length.
int describe_position(char* text, size_t size);

}  // namespace emulator
