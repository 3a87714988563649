// Elementwise kernels of two arguments.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

enum class Binary : uint8_t { Add, Sub, Mul, Div, Count };

struct BinaryTable {
  // Arguments and result of one dtype; null where the dtype is not supported.
  Loop same[static_cast<int>(Binary::Count)][kDTypeCount];
  // A 16-bit float and a float32 number, on either side: numbers are not rounded to 16 bits first.
  Loop number_right[static_cast<int>(Binary::Count)][2];
  Loop number_left[static_cast<int>(Binary::Count)][2];
};
PLAIT_ISA_TABLE(BinaryTable, binary_table)

// out = f(a, b), computed in `compute` (the dtype of out unless it is a comparison's).
void binary(const char* op, Binary f, const Tensor& out, const Tensor& a, const Tensor& b, DType compute, int cost = 1);

// `tensor` in another dtype; itself where it has it already. No history.
Tensor converted(const Tensor& tensor, DType dtype);

}  // namespace plait::cpu
