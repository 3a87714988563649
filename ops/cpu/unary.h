// Elementwise kernels of one argument.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

enum class Unary : uint8_t { Neg, Conj, Count };

struct UnaryTable {
  Loop same[static_cast<int>(Unary::Count)][kDTypeCount];  // argument and result of one dtype; null where not supported
};
PLAIT_ISA_TABLE(UnaryTable, unary_table)

// out = f(a), computed in the dtype of out. `cost`: work of an element beside an addition.
void unary(const char* op, Unary f, const Tensor& out, const Tensor& a, int cost = 1);

}  // namespace plait::cpu
