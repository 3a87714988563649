// What the race detector must be told beyond plain reads and writes, which the compiler reports by itself
// (-fsanitize=thread). Elsewhere these are nothing.
#pragma once

#include <stddef.h>

#if defined(__SANITIZE_THREAD__)
#define PLAIT_CUDA_RACECHECK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAIT_CUDA_RACECHECK 1
#endif
#endif

namespace emulator {

// Objects with and without reports are linked together, hence the two namespaces.
#ifdef PLAIT_CUDA_RACECHECK
inline namespace reported {

// Atomic functions are inlined, so that a finding names the line of the kernel.
#define EMULATOR_ATOMIC_INLINE inline __attribute__((always_inline))
#define EMULATOR_UNREPORTED __attribute__((noinline, no_sanitize("thread")))

#pragma GCC visibility push(default)
void note_atomic(const void* address, size_t bytes);
void note_fence();  // __threadfence()
#pragma GCC visibility pop

#else
inline namespace unreported {

#define EMULATOR_ATOMIC_INLINE inline
#define EMULATOR_UNREPORTED inline

inline void note_atomic(const void*, size_t) {}
inline void note_fence() {}

#endif

// Plain accesses that are not reported.
template <class T>
EMULATOR_UNREPORTED T peek(const T* address) {
  return *address;
}
template <class T>
EMULATOR_UNREPORTED void poke(T* address, const T& value) {
  *address = value;
}

// A store that several threads may make to one place in one launch: any of their values may stay.
template <class T>
EMULATOR_ATOMIC_INLINE void store_in_any_order(T* address, const T& value) {
  note_atomic(address, sizeof(T));
  poke(address, value);
}

// A load of what others change by atomic operations.
template <class T>
EMULATOR_ATOMIC_INLINE T load_in_any_order(const T* address) {
  note_atomic(address, sizeof(T));
  return peek(address);
}

}  // inline namespace
}  // namespace emulator
