// Matrix products of every dtype.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// c = alpha * (a b) + beta * c + bias, for a batch of matrices c (m, n), a (m, k), b (k, n). Strides are in
// elements and may be anything for a and b (0 where broadcast); the elements of c are distinct. c is not read
// where beta is 0.
struct Product {
  struct Operand {
    void* data;
    int64_t row, column;
    int64_t batch[kMaxDims];
  };
  DType dtype;
  int64_t m, n, k;
  Operand c, a, b;
  int batch_dims = 0;
  int64_t batch[kMaxDims];
  const void* bias = nullptr;  // one for each column, contiguous; only where beta is 0
  Scalar alpha = 1, beta = 0;
};

// Computes c. float16 and bfloat16 are refused: the caller converts.
void run(const Product& product);
// out = alpha * (a @ b) + beta * out by matmul's rules: a vector a is a row, a vector b a column, leading
// dimensions broadcast. The shapes are known to fit.
void matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha = 1,
            const Scalar& beta = 0);
// out = x @ weight.T + bias; bias may be undefined.
void linear(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace plait::cpu
