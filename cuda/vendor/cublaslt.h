// Matrix products by cuBLASLt, which is loaded when the first product asks for it.
#pragma once

#include "ops/matrix_product.h"

namespace plait::cuda {

// What is done to the result before it is written, besides adding the bias.
enum class Epilogue : uint8_t { None, Relu, Gelu };

// Computes c on the current stream, in the dtypes that cuBLASLt knows: 16-bit floats (summed in float32),
// float32 (as TF32 where plait.backends.cuda.matmul.allow_tf32 says so), float64, complex. Every operand has
// one stride of 1, and there is at most one batch dimension. False where cuBLASLt cannot be loaded or has no
// kernel for it.
bool cublaslt_product(const Product& product, Epilogue epilogue);

// For tests and reports.
struct CublasltStatistics {
  int64_t products = 0, heuristics = 0;  // calls, and how many of them had to ask for an algorithm
};
CublasltStatistics cublaslt_statistics();

}  // namespace plait::cuda
