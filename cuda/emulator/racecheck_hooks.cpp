// The functions that code compiled with -fsanitize=thread calls, in place of libtsan's.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "racecheck.h"

using emulator::racecheck::Access;
using emulator::racecheck::active;
using emulator::racecheck::note;

#pragma GCC visibility push(default)

namespace emulator {
inline namespace reported {
void note_atomic(const void* address, size_t bytes);
void note_fence();
void note_atomic(const void* address, size_t bytes) {
  if (active) note(address, bytes, Access::Atomic, __builtin_return_address(0));
}
void note_fence() {
  if (active) racecheck::note_fence();
}
}  // namespace reported
}  // namespace emulator

extern "C" {

void __tsan_init() { emulator::racecheck::add_library(__builtin_return_address(0)); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

#define HOOK(name, bytes, access)                                                  \
  void __tsan_##name(void* address) {                                              \
    if (active) note(address, bytes, Access::access, __builtin_return_address(0)); \
  }
#define HOOKS(bytes)                                                  \
  HOOK(read##bytes, bytes, Read)                                      \
  HOOK(write##bytes, bytes, Write)                                    \
  HOOK(unaligned_read##bytes, bytes, Read)                            \
  HOOK(unaligned_write##bytes, bytes, Write)                          \
  HOOK(volatile_read##bytes, bytes, Read)                             \
  HOOK(volatile_write##bytes, bytes, Write)                           \
  void __tsan_read_write##bytes(void* address) {                      \
    if (!active) return;                                              \
    note(address, bytes, Access::Read, __builtin_return_address(0));  \
    note(address, bytes, Access::Write, __builtin_return_address(0)); \
  }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
#undef HOOKS
HOOK(vptr_read, sizeof(void*), Read)
#undef HOOK
void __tsan_vptr_update(void** address, void*) {
  if (active) note(address, sizeof(void*), Access::Write, __builtin_return_address(0));
}

void __tsan_read_range(void* address, size_t bytes) {
  if (active) note(address, bytes, Access::Read, __builtin_return_address(0));
}
void __tsan_write_range(void* address, size_t bytes) {
  if (active) note(address, bytes, Access::Write, __builtin_return_address(0));
}

// What Clang makes of these functions.
void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
  if (active && bytes) {
    note(from, bytes, Access::Read, __builtin_return_address(0));
    note(to, bytes, Access::Write, __builtin_return_address(0));
  }
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, size_t bytes) {
  if (active && bytes) {
    note(from, bytes, Access::Read, __builtin_return_address(0));
    note(to, bytes, Access::Write, __builtin_return_address(0));
  }
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, size_t bytes) {
  if (active && bytes) note(to, bytes, Access::Write, __builtin_return_address(0));
  return std::memset(to, value, bytes);
}

// The language's own atomic operations: the host's, in launches. CUDA's atomic functions call note_atomic().
#define ATOMICS(bits)                                                                                       \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t* at, int) {                       \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                           \
  }                                                                                                         \
  void __tsan_atomic##bits##_store(volatile uint##bits##_t* at, uint##bits##_t value, int) {                \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                         \
  uint##bits##_t __tsan_atomic##bits##_exchange(volatile uint##bits##_t* at, uint##bits##_t value, int) {   \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                                \
  }                                                                                                         \
  bool __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t* at, uint##bits##_t* expected, \
                                                     uint##bits##_t value, int, int) {                      \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);     \
  }                                                                                                         \
  bool __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t* at, uint##bits##_t* expected,   \
                                                   uint##bits##_t value, int, int) {                        \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);     \
  }                                                                                                         \
  uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                                \
      volatile uint##bits##_t* at, uint##bits##_t expected, uint##bits##_t value, int, int) {               \
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
    return expected;                                                                                        \
  }                                                                                                         \
  FETCH(bits, add)                                                                                          \
  FETCH(bits, sub)                                                                                          \
  FETCH(bits, and)                                                                                          \
  FETCH(bits, or)                                                                                           \
  FETCH(bits, xor)                                                                                          \
  FETCH(bits, nand)
#define FETCH(bits, op)                                                                                     \
  uint##bits##_t __tsan_atomic##bits##_fetch_##op(volatile uint##bits##_t* at, uint##bits##_t value, int) { \
    return __atomic_fetch_##op(at, value, __ATOMIC_SEQ_CST);                                                \
  }
ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)
#undef FETCH
#undef ATOMICS
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

}  // extern "C"
