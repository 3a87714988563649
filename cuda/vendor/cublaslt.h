// Matrix products by cuBLASLt, which is loaded when the first product asks for it.
#pragma once

#include "ops/matrix_product.h"

namespace plait::cuda {

// What is done to the result before it is written, besides adding the bias. Gelu is the one by tanh; GeluKeep
// also writes what it is taken of. RowSums writes the sums of a's rows where the bias stands.
enum class Epilogue : uint8_t { None, Relu, Gelu, GeluKeep, RowSums };

// Computes c on the current stream, in the dtypes that cuBLASLt knows: 16-bit floats (summed in float32,
// which c may be, too), float32 (as TF32 where plait.backends.cuda.matmul.allow_tf32 says so), float64,
// complex. Every operand has one stride of 1, and there is at most one batch dimension. False where cuBLASLt
// cannot be loaded or has no kernel for it. `kept`: GeluKeep's second result, laid out as c.
bool cublaslt_product(const Product& product, Epilogue epilogue, void* kept = nullptr);

// c = (a * scale_a) (b * scale_b) + bias for matrices of 8-bit floats: a (m, k) row by row, b (k, n) column
// by column, c (m, n) row by row.
struct ScaledProduct {
  DType a_dtype, b_dtype, c_dtype, bias_dtype;
  int64_t m, n, k, lda, ldb, ldc;
  const void *a, *b, *bias;  // bias (n) or null
  void* c;
  const float *scale_a, *scale_b;  // one number, or one for each row of a and column of b
  const float* scale_c;            // multiplies an 8-bit c; may be null
  bool by_rows, fast_sums;
};
// False where cuBLASLt has no kernel for it: on devices before Ada, for factors by rows on others than
// Hopper.
bool cublaslt_scaled_product(const ScaledProduct& product);

// For tests and reports.
struct CublasltStatistics {
  int64_t products = 0, heuristics = 0;  // calls, and how many of them had to ask for an algorithm
};
CublasltStatistics cublaslt_statistics();

}  // namespace plait::cuda
