// Layer and root mean square norm for a reader that wants `lower`, if given. Note [Lower copies] in
// core/tensor.h.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace plait::op {

Tensor layer_norm_for(std::optional<DType> lower, const Tensor& self, IntSpan shape, const Tensor& weight,
                      const Tensor& bias, double eps);
Tensor rms_norm_for(std::optional<DType> lower, const Tensor& self, IntSpan shape, const Tensor& weight,
                    std::optional<double> eps);

}  // namespace plait::op
