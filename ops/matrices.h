// What the decompositions of ops/factorize.cpp ask of a library: LAPACK (ops/cpu/lapack.h), or cuSOLVER
// (cuda/vendor/cusolver.h).
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait {

// A batch of matrices of float32, float64, complex64 or complex128, column by column as LAPACK has them:
// element (i, j) of matrix b lies at b * stride + j * ld + i. Sizes are at least 1.
struct Matrices {
  void* data;
  DType dtype;
  int64_t rows, columns, ld, stride, batch;
};

struct Triangle {
  bool upper, unit;  // of A as it lies; `unit`: with ones on its diagonal
  bool transposed;   // A^T in A's place
  bool right;        // X A = B in place of A X = B
};

// `info` has one number a matrix, on the matrices' device, in LAPACK's meaning: 0 where all went well.
class MatrixLibrary {
 public:
  // Raises where the library cannot be loaded.
  virtual void require(const char* op) const = 0;

  // The upper triangle becomes U with U^H U = A; the other one is left alone.
  virtual void cholesky(const Matrices& a, int32_t* info) const = 0;

  // A becomes L below the diagonal and U; rows k and pivots[k] - 1 were exchanged, one after the other.
  // pivots: min(rows, columns) for each matrix; null: no rows are exchanged.
  virtual void lu(const Matrices& a, int32_t* pivots, int32_t* info) const = 0;

  // B becomes X. A's stride may be 0.
  virtual void triangular(const Triangle& triangle, const Matrices& a, const Matrices& b) const = 0;

  // A becomes R and below it the reflectors of Q, whose factors are tau: min(rows, columns) for each matrix.
  virtual void qr(const Matrices& a, void* tau) const = 0;
  // A, of which the first `reflectors` columns hold these, becomes as many columns of Q as it has.
  virtual void q(const Matrices& a, int64_t reflectors, const void* tau) const = 0;
  // The same into other memory, where the library has something better for such a batch; else false.
  virtual bool q_of(const Matrices& /*packed*/, const Matrices& /*q*/, int64_t /*reflectors*/,
                    const void* /*tau*/) const {
    return false;
  }

  // Of Hermitian matrices, of which one triangle is read: eigenvalues in rising order, columns for each
  // matrix, and A becomes the vectors, or with `vectors` false is overwritten.
  virtual void eigh(const Matrices& a, bool upper, bool vectors, void* values, int32_t* info) const = 0;

  // A = U diag(S) V^H, with A overwritten, S in falling order. U and V have all their columns, or
  // min(rows, columns) of A; both are memory that may be written to even where the vectors are not wanted.
  virtual void svd(const Matrices& a, const Matrices& u, void* s, const Matrices& v, bool vectors,
                   int32_t* info) const = 0;
  // Must U and V have all their columns?
  virtual bool svd_is_full(int64_t /*rows*/, int64_t /*columns*/, int64_t /*batch*/) const { return false; }
  // Is V^H what svd() wants in V's place?
  virtual bool svd_gives_adjoint() const = 0;

  // Eigenvalues of square matrices, which are overwritten, and vectors of norm 1 as V's columns: complex
  // numbers, the matrices too, unless the library takes real ones.
  virtual void eig(const Matrices& a, void* values, const Matrices& v, bool vectors, int32_t* info) const = 0;
  virtual bool eig_takes_real() const = 0;

 protected:
  ~MatrixLibrary() = default;
};

}  // namespace plait
