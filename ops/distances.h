// Distances of pairs of rows written in other ops, for kernels of any device.
#pragma once

#include "core/tensor.h"

namespace plait::distances {

// Of matrices x1 (B, m, k) and x2 (B, n, k), in any p-norm: out (B, m, n).
PLAIT_API void by_differences(const Tensor& out, const Tensor& x1, const Tensor& x2, double p);
// Euclidean ones, from |a|^2 + |b|^2 - 2 a b as one matrix product.
PLAIT_API void by_product(const Tensor& out, const Tensor& x1, const Tensor& x2);
// Of a matrix (n, k): each pair of rows once.
PLAIT_API void of_pairs(const Tensor& out, const Tensor& self, double p);

// The gradient of x1 from that of the distances d. Differentiable.
PLAIT_API Tensor gradient(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& d, double p);

}  // namespace plait::distances
