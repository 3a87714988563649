// Copies between any two dtypes.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

struct ConvertTable {
  Loop loop[kDTypeCount][kDTypeCount];  // [to][from]
};
PLAIT_ISA_TABLE(ConvertTable, convert_table)

// n elements that lie side by side, of two dtypes.
inline void convert_block(void* to, DType to_type, void* from, DType from_type, int64_t n) {
  char* const data[] = {static_cast<char*>(to), static_cast<char*>(from)};
  const int64_t strides[] = {itemsize(to_type), itemsize(from_type)};
  convert_table().loop[static_cast<int>(to_type)][static_cast<int>(from_type)](data, strides, n, nullptr);
}

// out = source, broadcast and converted. The two must not overlap unless they are the same elements.
void copy(const Tensor& out, const Tensor& source);

}  // namespace plait::cpu
