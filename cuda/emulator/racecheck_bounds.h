// Which memory the threads of a launch may touch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "racecheck_shadow.h"

namespace emulator::racecheck {

// Blocks come and go between launches, not in them.
void begin_bounds(size_t shared_bytes);
// Whether the bytes lie in one block of device memory, or in the dynamic shared memory that the launch asked
// for. Of variables in shared memory nothing is known: the address sanitizer finds what lies outside these.
bool is_inside(const Region& region, uintptr_t address, size_t bytes);

}  // namespace emulator::racecheck
