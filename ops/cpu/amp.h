// Unscaling of gradients: one pass that multiplies and looks for numbers that are not finite.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

// Multiplies n elements in place; was one of them infinite or NaN before?
using UnscaleFn = bool (*)(char* data, int64_t n, float factor);

struct AmpTable {
  UnscaleFn unscale[4];  // float16, bfloat16, float32, float64
};
PLAIT_ISA_TABLE(AmpTable, amp_table)

}  // namespace plait::cpu
