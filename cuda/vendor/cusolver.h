// Decompositions of matrices by cuSOLVER, and by cuBLAS where its kernels for many small matrices are the
// better ones. Both are loaded when the first decomposition asks for them.
//
// Everything is enqueued on the current stream; nothing waits. `info` is device memory, one number a matrix,
// in LAPACK's meaning: 0 where all went well.
#pragma once

#include <cstdint>

#include "ops/matrices.h"

namespace plait::cuda {

// Can cuSOLVER and cuBLAS be loaded?
bool cusolver_is_available();

// What plait::MatrixLibrary says of each (ops/matrices.h).
void cusolver_cholesky(const Matrices& a, int32_t* info);
void cusolver_lu(const Matrices& a, int32_t* pivots, int32_t* info);
void cusolver_triangular(const Triangle& triangle, const Matrices& a, const Matrices& b);
void cusolver_qr(const Matrices& a, void* tau);
void cusolver_q(const Matrices& a, int64_t reflectors, const void* tau);
void cusolver_eigh(const Matrices& a, bool upper, bool vectors, void* values, int32_t* info);
// V, not V^H. A batch of small matrices is decomposed at a time, and U and V have all their columns then.
void cusolver_svd(const Matrices& a, const Matrices& u, void* s, const Matrices& v, bool vectors,
                  int32_t* info);
bool cusolver_svd_is_batched(int64_t rows, int64_t columns, int64_t batch);
// Of complex matrices: of real ones geev packs pairs of vectors, which would have to be taken apart by what
// the values are.
void cusolver_eig(const Matrices& a, void* values, const Matrices& v, bool vectors, int32_t* info);

}  // namespace plait::cuda
