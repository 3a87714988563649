// What scatter_reduce needs besides the walk of kernels/index.h.
#pragma once

#include "core/dtype.h"
#include "cuda/plan.h"

namespace plait::cuda {

// out = sum / count, rounded down for integers; a count of 0 or 1 leaves the sum. The operands: sums of
// `dtype`, int32 counts.
void (*divider_by_count(DType dtype))(const ElementwisePlan& plan, const void* params);

}  // namespace plait::cuda
