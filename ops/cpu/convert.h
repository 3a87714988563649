// Copies between any two dtypes.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

struct ConvertTable {
  Loop loop[kDTypeCount][kDTypeCount];  // [to][from]
};
PLAIT_ISA_TABLE(ConvertTable, convert_table)

// out = source, broadcast and converted. The two must not overlap unless they are the same elements.
void copy(const Tensor& out, const Tensor& source);

}  // namespace plait::cpu
