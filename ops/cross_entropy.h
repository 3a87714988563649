// Cross-entropy with losses in a chosen dtype.
#pragma once

#include <string_view>

#include "core/tensor.h"

namespace plait::op {

// The op `cross_entropy`, whose losses have the dtype `loss`: that of the logits, or float32 for 16-bit
// logits, which are computed in float32 anyway. An autocast region calls it so: a copy of the logits in
// float32 would be twice their size.
Tensor cross_entropy_in(DType loss, const Tensor& self, const Tensor& target, const Tensor& weight,
                        int64_t ignore_index, std::string_view reduction, double label_smoothing);

}  // namespace plait::op
