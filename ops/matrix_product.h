// What a matrix product is told, on any device: sizes, pointers and strides, merged to the fewest dimensions.
#pragma once

#include "core/tensor.h"

namespace plait {

// c = alpha * (a b) + beta * c + bias, for a batch of matrices c (m, n), a (m, k), b (k, n). Strides are in
// elements and may be anything for a and b (0 where broadcast); the elements of c are distinct. c is not read
// where beta is 0.
struct Product {
  struct Operand {
    void* data;
    int64_t row, column;
    int64_t batch[kMaxDims];
  };
  DType dtype;      // of a and b
  DType out_dtype;  // of c: the same, but for 16-bit floats, whose product may be float32
  int64_t m, n, k;
  Operand c, a, b;
  int batch_dims = 0;
  int64_t batch[kMaxDims];
  const void* bias = nullptr;  // one for each column, contiguous; only where beta is 0
  Scalar alpha = 1, beta = 0;

  bool is_empty() const {
    for (int d = 0; d < batch_dims; ++d)
      if (batch[d] == 0) return true;
    return m == 0 || n == 0;
  }
  int64_t batches() const {
    int64_t count = 1;
    for (int d = 0; d < batch_dims; ++d) count *= batch[d];
    return count;
  }
};

// out = a @ b by matmul's rules: a vector a is a row, a vector b a column, leading dimensions broadcast. The
// shapes are known to fit.
PLAIT_API Product matmul_product(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha,
                                 const Scalar& beta);
// out = x @ weight.T; the caller sets the bias.
PLAIT_API Product linear_product(const Tensor& out, const Tensor& x, const Tensor& weight);

// Drops batch dimensions of size 1, merges neighbours, and takes a batch that shares one b as more rows of a.
PLAIT_API void simplify(Product& product);
// c = a b  <=>  c' = b' a'
PLAIT_API void exchange(Product& product);

}  // namespace plait
