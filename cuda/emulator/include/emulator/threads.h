// Where the running thread is, and the barriers of its block. Device work runs on one thread of the host at a
// time, so these are plain variables: they hold for the emulated thread that runs now.
#pragma once

#include <stddef.h>

#include "emulator/race.h"
#include "vector_types.h"

#pragma GCC visibility push(default)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace emulator {

extern unsigned thread_rank;  // the running thread's number in its block

enum class BarrierOp { Sync, Or, And, Count };
int meet_block(BarrierOp op, bool predicate);

// Lets other threads of the block run.
void yield_thread();

// Ends the launch with an error that stays, as an illegal instruction does.
[[noreturn]] void trap();

}  // namespace emulator

#pragma GCC visibility pop

inline void __syncthreads() { emulator::meet_block(emulator::BarrierOp::Sync, false); }
inline int __syncthreads_or(int predicate) {
  return emulator::meet_block(emulator::BarrierOp::Or, predicate != 0);
}
inline int __syncthreads_and(int predicate) {
  return emulator::meet_block(emulator::BarrierOp::And, predicate != 0);
}
inline int __syncthreads_count(int predicate) {
  return emulator::meet_block(emulator::BarrierOp::Count, predicate != 0);
}

inline void __nanosleep(unsigned) { emulator::yield_thread(); }
[[noreturn]] inline void __trap() { emulator::trap(); }

// A compiler barrier is all that one thread at a time needs.
inline void __threadfence_block() { asm volatile("" ::: "memory"); }
inline void __threadfence() {
  asm volatile("" ::: "memory");
  emulator::note_fence();
}
inline void __threadfence_system() { __threadfence(); }
