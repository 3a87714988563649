// In place of cublaslt.cpp where the header of cuBLASLt was not found at build time.
#include "cuda/vendor/cublaslt.h"

namespace plait::cuda {

bool cublaslt_product(const Product&, Epilogue) { return false; }
CublasltStatistics cublaslt_statistics() { return {}; }

}  // namespace plait::cuda
