// Batch normalisation of (N, C, ...) by the statistics of the batch itself.
#pragma once

#include "core/tensor.h"

namespace plait::cpu {

// y = (x - mean) / sqrt(var + eps) * weight + bias per channel. mean and var (biased) are results, float64
// for float64 and float32 else. weight and bias may be undefined.
void batch_norm(const Tensor& y, const Tensor& mean, const Tensor& var, const Tensor& x, const Tensor& weight,
                const Tensor& bias, double eps);
void batch_norm_backward(const Tensor& dx, const Tensor& dweight, const Tensor& dbias, const Tensor& dy,
                         const Tensor& x, const Tensor& weight, const Tensor& mean, const Tensor& var,
                         double eps);

}  // namespace plait::cpu
