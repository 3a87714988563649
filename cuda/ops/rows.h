// Tensors as rows.
#pragma once

#include "core/tensor.h"

namespace plait::cuda {

// `self` as rows of n contiguous elements (its last dimensions) that are *stride elements apart; a contiguous
// copy where it is not laid out like that.
Tensor as_strided_rows(const Tensor& self, int64_t n, int64_t* stride);

}  // namespace plait::cuda
