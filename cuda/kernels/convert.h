// Copies between any two dtypes.
#pragma once

#include "core/dtype.h"
#include "cuda/plan.h"

namespace plait::cuda {

// out = in, converted. Equal dtypes share a kernel by their size: only bits move. A number is written as the
// dtype of `to`.
void (*converter(DType to, DType from))(const ElementwisePlan& plan, const void* params);

}  // namespace plait::cuda
