// Indices drawn with probabilities proportional to weights.
#pragma once

#include "core/tensor.h"

namespace plait::cpu {

// out[r][s]: the draws from the weights w[r], of any floating dtype. `numbers`, of float64, has a uniform
// number for each draw of a row, or, where no index may come twice, an exponential one for each weight. All
// are (rows, ...) and contiguous, `out` is int64.
void multinomial(const Tensor& out, const Tensor& weights, const Tensor& numbers, bool replacement);

}  // namespace plait::cpu
