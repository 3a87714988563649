// Only the storage of a half: plait computes with its own type.
#pragma once

#include "emulator/markers.h"

struct __align__(2) __half {
  unsigned short bits;
};
struct __align__(4) __half2 {
  __half x, y;
};
typedef __half half;
typedef __half2 half2;
