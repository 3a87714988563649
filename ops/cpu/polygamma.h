// Polygamma functions on the CPU.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// Loops over (out, x); the params are the order, an int64_t of 1 or more. Null for other dtypes than floating
// ones.
struct PolygammaTable {
  Loop loop[kDTypeCount];
};
PLAIT_ISA_TABLE(PolygammaTable, polygamma_table)

}  // namespace plait::cpu
