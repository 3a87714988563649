// Matrix products on tensors, for other kernels that need them.
#pragma once

#include "core/tensor.h"

namespace plait::cuda {

// out = alpha * (a @ b) + beta * out by matmul's rules. The shapes are known to fit.
void matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha = 1,
            const Scalar& beta = 0);
// out = x @ weight.T + bias; bias may be undefined.
void linear(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace plait::cuda
