// Only the storage of a bfloat16: plait computes with its own type.
#pragma once

#include "emulator/markers.h"

struct __align__(2) __nv_bfloat16 {
  unsigned short bits;
};
struct __align__(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;
