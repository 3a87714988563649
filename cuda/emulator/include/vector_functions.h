// make_float4() and its like.
#pragma once

#include "vector_types.h"

#define EMULATOR_MAKE_VECTORS(name, T)                                  \
  constexpr name##1 make_##name##1(T x) { return {x}; }                 \
  constexpr name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  constexpr name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  constexpr name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

// clang-format off
EMULATOR_MAKE_VECTORS(char, signed char)
EMULATOR_MAKE_VECTORS(uchar, unsigned char)
EMULATOR_MAKE_VECTORS(short, short)
EMULATOR_MAKE_VECTORS(ushort, unsigned short)
EMULATOR_MAKE_VECTORS(int, int)
EMULATOR_MAKE_VECTORS(uint, unsigned int)
EMULATOR_MAKE_VECTORS(long, long)
EMULATOR_MAKE_VECTORS(ulong, unsigned long)
EMULATOR_MAKE_VECTORS(longlong, long long)
EMULATOR_MAKE_VECTORS(ulonglong, unsigned long long)
EMULATOR_MAKE_VECTORS(float, float)
EMULATOR_MAKE_VECTORS(double, double)
// clang-format on
#undef EMULATOR_MAKE_VECTORS

#define EMULATOR_MAKE_WIDE_VECTORS(name, T)                                             \
  constexpr name##4_16a make_##name##4_16a(T x, T y, T z, T w) { return {x, y, z, w}; } \
  constexpr name##4_32a make_##name##4_32a(T x, T y, T z, T w) { return {x, y, z, w}; }

// clang-format off
EMULATOR_MAKE_WIDE_VECTORS(long, long)
EMULATOR_MAKE_WIDE_VECTORS(ulong, unsigned long)
EMULATOR_MAKE_WIDE_VECTORS(longlong, long long)
EMULATOR_MAKE_WIDE_VECTORS(ulonglong, unsigned long long)
EMULATOR_MAKE_WIDE_VECTORS(double, double)
// clang-format on
#undef EMULATOR_MAKE_WIDE_VECTORS
