// Reductions of the emulated NCCL, in the order of the ranks: the same bits everywhere.
#pragma once

#include <vector>

#include "nccl.h"

namespace emulator::nccl {

size_t item_size(ncclDataType_t type);  // 0: there is no such type
const char* type_name(ncclDataType_t type);
const char* op_name(int op);

// Rounds after each step, as a ring does. An average multiplies first where numbers are floats.
void reduce(ncclDataType_t type, ncclRedOp_t op, void* out, const std::vector<const void*>& in, size_t count);

}  // namespace emulator::nccl
