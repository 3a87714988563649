// CUDA's vector types, with CUDA's alignment.
#pragma once

#include "emulator/markers.h"

// EMULATOR_VECTORS(name, element, alignment of two, alignment of four)
#define EMULATOR_VECTORS(name, T, two, four) \
  struct name##1 {                           \
    T x;                                     \
  };                                         \
  struct __align__(two) name##2 {            \
    T x, y;                                  \
  };                                         \
  struct name##3 {                           \
    T x, y, z;                               \
  };                                         \
  struct __align__(four) name##4 {           \
    T x, y, z, w;                            \
  };

// clang-format off
EMULATOR_VECTORS(char, signed char, 2, 4)
EMULATOR_VECTORS(uchar, unsigned char, 2, 4)
EMULATOR_VECTORS(short, short, 4, 8)
EMULATOR_VECTORS(ushort, unsigned short, 4, 8)
EMULATOR_VECTORS(int, int, 8, 16)
EMULATOR_VECTORS(uint, unsigned int, 8, 16)
EMULATOR_VECTORS(long, long, 16, 16)
EMULATOR_VECTORS(ulong, unsigned long, 16, 16)
EMULATOR_VECTORS(longlong, long long, 16, 16)
EMULATOR_VECTORS(ulonglong, unsigned long long, 16, 16)
EMULATOR_VECTORS(float, float, 8, 16)
EMULATOR_VECTORS(double, double, 16, 16)
// clang-format on
#undef EMULATOR_VECTORS

// CUDA 13's names for the vectors of 32 bytes.
#define EMULATOR_WIDE_VECTORS(name, T) \
  struct __align__(16) name##4_16a {   \
    T x, y, z, w;                      \
  };                                   \
  struct __align__(32) name##4_32a {   \
    T x, y, z, w;                      \
  };

// clang-format off
EMULATOR_WIDE_VECTORS(long, long)
EMULATOR_WIDE_VECTORS(ulong, unsigned long)
EMULATOR_WIDE_VECTORS(longlong, long long)
EMULATOR_WIDE_VECTORS(ulonglong, unsigned long long)
EMULATOR_WIDE_VECTORS(double, double)
// clang-format on
#undef EMULATOR_WIDE_VECTORS

struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned int vx = 1, unsigned int vy = 1, unsigned int vz = 1) : x(vx), y(vy), z(vz) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
