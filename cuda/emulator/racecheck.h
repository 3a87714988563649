// Finds races of kernels whose accesses the compiler reports (-fsanitize=thread): two accesses of one byte by
// different threads of a launch, one of them at least a plain write, that nothing orders. Finds accesses of
// what is no block's memory, too. See Note [Race detector] in racecheck.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda_runtime_api.h"

namespace emulator::racecheck {

enum class Access { Read, Write, Atomic };

// Set while a kernel runs on this thread and some library reports its accesses.
extern thread_local bool active;
// Some library reports accesses: what follows may be left out where this is not set.
extern bool present;

// The library that holds `code` reports accesses; its static variables are shared memory.
void add_library(const void* code);

struct Launch {
  dim3 grid, block;
  bool blocks_reversed;  // they run from the last to the first
  const void* kernel;
  const unsigned char* shared;  // dynamic shared memory
  size_t shared_bytes;
};
void begin_launch(const Launch& launch);
void begin_block();
void end_launch();

void meet_block();
// Lanes `who` of a warp have met.
void meet_lanes(unsigned warp, unsigned who);
// The running thread waits or returns: what it wrote last is in memory.
void stop_thread();

void note(const void* address, size_t bytes, Access access, const void* code);
void note_fence();

}  // namespace emulator::racecheck
