// In place of cublaslt.cpp where the header of cuBLASLt was not found at build time.
#include "cuda/vendor/cublaslt.h"

namespace plait::cuda {

bool cublaslt_product(const Product&, Epilogue, void*) { return false; }
bool cublaslt_scaled_product(const ScaledProduct&) { return false; }
CublasltStatistics cublaslt_statistics() { return {}; }

}  // namespace plait::cuda
