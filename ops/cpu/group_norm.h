// Normalisation of the groups of channels of each sample of (N, C, ...).
#pragma once

#include "core/tensor.h"

namespace plait::cpu {

// y = (x - mean) rstd weight + bias, with mean and rstd of each sample's groups: results of shape (N,
// groups), float64 for float64 and else float32. weight and bias (C) may be undefined.
void group_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x, int64_t groups,
                const Tensor& weight, const Tensor& bias, double eps);
void group_norm_backward(const Tensor& dx, const Tensor& dweight, const Tensor& dbias, const Tensor& dy,
                         const Tensor& x, const Tensor& mean, const Tensor& rstd, const Tensor& weight);

}  // namespace plait::cpu
