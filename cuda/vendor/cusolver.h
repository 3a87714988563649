// Decompositions of matrices by cuSOLVER, and by cuBLAS where its kernels for many small matrices are the
// better ones. Both are loaded when the first decomposition asks for them.
//
// Everything is enqueued on the current stream; nothing waits. `info` is device memory, one number a matrix,
// in LAPACK's meaning: 0 where all went well.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// A batch of matrices of float32, float64, complex64 or complex128, column by column as LAPACK has them:
// element (i, j) of matrix b lies at b * stride + j * ld + i. Sizes are at least 1.
struct Matrices {
  void* data;
  DType dtype;
  int64_t rows, columns, ld, stride, batch;
};

// Can cuSOLVER and cuBLAS be loaded?
bool cusolver_is_available();

// The triangle becomes L with L L^H = A (or, `upper`, U with U^H U = A); the other one is left alone.
void cusolver_cholesky(const Matrices& a, bool upper, int32_t* info);

// A becomes L below the diagonal and U; rows k and pivots[k] - 1 were exchanged, one after the other.
// pivots: min(rows, columns) for each matrix; null: no rows are exchanged.
void cusolver_lu(const Matrices& a, int32_t* pivots, int32_t* info);

struct Triangle {
  bool upper, unit;  // of A as it lies; `unit`: with ones on its diagonal
  bool transposed;   // A^T in A's place
  bool right;        // X A = B in place of A X = B
};
// B becomes X. A's stride may be 0.
void cusolver_triangular(const Triangle& triangle, const Matrices& a, const Matrices& b);

// A becomes R and below it the reflectors of Q, whose factors are tau: min(rows, columns) for each matrix.
void cusolver_qr(const Matrices& a, void* tau);
// A, of which the first `reflectors` columns hold these, becomes as many columns of Q as it has.
void cusolver_q(const Matrices& a, int64_t reflectors, const void* tau);

// Of Hermitian matrices, of which one triangle is read: eigenvalues in rising order, columns for each matrix,
// and A becomes the vectors, or with `vectors` false is overwritten.
void cusolver_eigh(const Matrices& a, bool upper, bool vectors, void* values, int32_t* info);

// A = U diag(S) V^H, with A overwritten, S in falling order. U and V have all their columns, or
// min(rows, columns) of A; both are memory that may be written to even where the vectors are not wanted.
void cusolver_svd(const Matrices& a, const Matrices& u, void* s, const Matrices& v, bool vectors,
                  int32_t* info);
// The sizes of matrices that are decomposed many at a time; U and V have all their columns then.
bool cusolver_svd_is_batched(int64_t rows, int64_t columns, int64_t batch);

// Of complex matrices, which are overwritten: eigenvalues, and the vectors of norm 1 as V's columns.
void cusolver_eig(const Matrices& a, void* values, const Matrices& v, bool vectors, int32_t* info);

}  // namespace plait::cuda
