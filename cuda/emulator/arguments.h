// Arguments of launches: every pointer among them must be one that a GPU could follow.
#pragma once

#include <cstddef>

#include "emulator/launch.h"

namespace emulator {

// With the runtime's lock. Says what is wrong with which argument of which kernel, and returns false.
bool check_arguments(const void* kernel, const Argument* arguments, size_t count);

}  // namespace emulator
