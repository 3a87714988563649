// Laying tensors side by side.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace plait::cpu {

// `out`, contiguous, is `outer` rows; each row is the concatenation of one slab of each tensor. `slabs[i]` is
// the number of elements of a slab of tensors[i], which has outer * slabs[i] elements in row-major order.
// Tensors of other dtypes are converted.
void join(const Tensor& out, TensorList tensors, int64_t outer, const std::vector<int64_t>& slabs);

}  // namespace plait::cpu
