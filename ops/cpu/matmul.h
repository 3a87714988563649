// Matrix products of every dtype.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"
#include "ops/matrix_product.h"

namespace plait::cpu {

// Computes c. float16 and bfloat16 are refused: the caller converts.
void run(const Product& product);
// out = alpha * (a @ b) + beta * out by matmul's rules: a vector a is a row, a vector b a column, leading
// dimensions broadcast. The shapes are known to fit.
void matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha = 1,
            const Scalar& beta = 0);
// out = x @ weight.T + bias; bias may be undefined.
void linear(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace plait::cpu
