// Atomic functions. Device work runs on one thread of the host at a time, so a plain read and write is
// atomic.
#pragma once

#include <cstring>

#include "emulator/markers.h"
#include "emulator/race.h"

// EMULATOR_ATOMIC(name, type, expression of old and value); with CUDA's forms for a block and for the system.
#define EMULATOR_ATOMIC(name, T, next)                                                        \
  EMULATOR_ATOMIC_INLINE T name(T* address, T value) {                                        \
    emulator::note_atomic(address, sizeof(T));                                                \
    const T old = emulator::peek(address);                                                    \
    emulator::poke<T>(address, next);                                                         \
    return old;                                                                               \
  }                                                                                           \
  EMULATOR_ATOMIC_INLINE T name##_block(T* address, T value) { return name(address, value); } \
  EMULATOR_ATOMIC_INLINE T name##_system(T* address, T value) { return name(address, value); }

#define EMULATOR_ATOMIC_BITS(T)             \
  EMULATOR_ATOMIC(atomicAnd, T, old& value) \
  EMULATOR_ATOMIC(atomicOr, T, old | value) \
  EMULATOR_ATOMIC(atomicXor, T, old ^ value)

#define EMULATOR_ATOMIC_ORDER(T)                           \
  EMULATOR_ATOMIC(atomicMin, T, value < old ? value : old) \
  EMULATOR_ATOMIC(atomicMax, T, value > old ? value : old)

// The sums of int wrap around, as in hardware.
EMULATOR_ATOMIC(atomicAdd, int, int(unsigned(old) + unsigned(value)))
EMULATOR_ATOMIC(atomicAdd, unsigned, old + value)
EMULATOR_ATOMIC(atomicAdd, unsigned long long, old + value)
EMULATOR_ATOMIC(atomicAdd, float, old + value)
EMULATOR_ATOMIC(atomicAdd, double, old + value)
EMULATOR_ATOMIC(atomicSub, int, int(unsigned(old) - unsigned(value)))
EMULATOR_ATOMIC(atomicSub, unsigned, old - value)
EMULATOR_ATOMIC(atomicExch, int, value)
EMULATOR_ATOMIC(atomicExch, unsigned, value)
EMULATOR_ATOMIC(atomicExch, unsigned long long, value)
EMULATOR_ATOMIC(atomicExch, float, value)
EMULATOR_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
EMULATOR_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
EMULATOR_ATOMIC_BITS(int)
EMULATOR_ATOMIC_BITS(unsigned)
EMULATOR_ATOMIC_BITS(unsigned long long)
EMULATOR_ATOMIC_ORDER(int)
EMULATOR_ATOMIC_ORDER(unsigned)
EMULATOR_ATOMIC_ORDER(long long)
EMULATOR_ATOMIC_ORDER(unsigned long long)
#undef EMULATOR_ATOMIC
#undef EMULATOR_ATOMIC_BITS
#undef EMULATOR_ATOMIC_ORDER

#define EMULATOR_ATOMIC_CAS(T)                                                \
  EMULATOR_ATOMIC_INLINE T atomicCAS(T* address, T compare, T value) {        \
    emulator::note_atomic(address, sizeof(T));                                \
    const T old = emulator::peek(address);                                    \
    if (old == compare) emulator::poke<T>(address, value);                    \
    return old;                                                               \
  }                                                                           \
  EMULATOR_ATOMIC_INLINE T atomicCAS_block(T* address, T compare, T value) {  \
    return atomicCAS(address, compare, value);                                \
  }                                                                           \
  EMULATOR_ATOMIC_INLINE T atomicCAS_system(T* address, T compare, T value) { \
    return atomicCAS(address, compare, value);                                \
  }
EMULATOR_ATOMIC_CAS(int)
EMULATOR_ATOMIC_CAS(unsigned)
EMULATOR_ATOMIC_CAS(unsigned long long)
EMULATOR_ATOMIC_CAS(unsigned short)
#undef EMULATOR_ATOMIC_CAS
