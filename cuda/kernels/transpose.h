// Copies between layouts whose innermost dimensions differ.
#pragma once

#include "cuda/plan.h"

namespace plait::cuda {

// Where the result is contiguous along dimension 0: is the operand so along another one, and are both long
// enough for tiles?
bool is_transposed(const ElementwisePlan& plan, int operand, int64_t itemsize);

// Of a plan of two operands with is_transposed(plan, 1, itemsize).
void copy_transposed(const ElementwisePlan& plan, int64_t itemsize);

}  // namespace plait::cuda
