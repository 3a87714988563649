// In place of cusolver.cpp where the headers of cuSOLVER and cuBLAS were not found at build time.
#include "cuda/vendor/cusolver.h"

namespace plait::cuda {

bool cusolver_is_available() { return false; }
void cusolver_cholesky(const Matrices&, int32_t*) {}
void cusolver_lu(const Matrices&, int32_t*, int32_t*) {}
void cusolver_triangular(const Triangle&, const Matrices&, const Matrices&) {}
void cusolver_qr(const Matrices&, void*) {}
void cusolver_q(const Matrices&, int64_t, const void*) {}
void cusolver_eigh(const Matrices&, bool, bool, void*, int32_t*) {}
void cusolver_svd(const Matrices&, const Matrices&, void*, const Matrices&, bool, int32_t*) {}
bool cusolver_svd_is_batched(int64_t, int64_t, int64_t) { return false; }
void cusolver_eig(const Matrices&, void*, const Matrices&, bool, int32_t*) {}

}  // namespace plait::cuda
