// Functions of three arguments.
#pragma once

#include "ops/cpu/pointwise.h"
#include "ops/functions.h"

namespace plait::cpu {

struct TernaryTable {
  LoopTable<Ternary> same;
  Loop lerp_number[kDTypeCount];  // the weight is a number (in the Params)
  Loop where[5];                  // by the logarithm of an element's size
};
PLAIT_ISA_TABLE(TernaryTable, ternary_table)

inline void ternary(const char* op, Ternary f, const Tensor& out, const Tensor& a, const Tensor& b,
                    const Tensor& c, const void* params = nullptr) {
  pointwise(op, ternary_table().same.at(f, out.dtype()), out, a, b, c, out.dtype(), params);
}
// out = condition ? a : b
void where(const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b);

}  // namespace plait::cpu
