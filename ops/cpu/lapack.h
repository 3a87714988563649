// LAPACK and BLAS, for decompositions of matrices on the CPU.
//
// plait brings none of its own: it takes the one that NumPy's linear algebra stands on (OpenBLAS in the
// wheels of PyPI, the system's where NumPy is), without calling NumPy itself. A program without Python takes
// the linker's liblapack.so.3 or libopenblas.so.0. The environment variable PLAIT_LAPACK names another file.
// It is loaded at the first call.
#pragma once

#include <string>

#include "core/export.h"
#include "ops/matrices.h"

namespace plait::cpu {

// Matrices of a batch are decomposed on several threads; so are the blocks of a large one, where there are
// functions for them (blocked_matrices.h). The library's own threads serve the others.
const MatrixLibrary& lapack();

// A = L D L^T, or with `hermitian` L D L^H, of which the lower triangle is read and becomes L and D, in the
// form of sytrf and hetrf; n pivots for each matrix. info: the place, from 1, of D's first zero block.
void lapack_ldl(const Matrices& a, bool hermitian, int32_t* pivots, int32_t* info);
// B becomes X with A X = B.
void lapack_ldl_solve(const Matrices& a, bool hermitian, const int32_t* pivots, const Matrices& b);

// C becomes Q C, or C Q, or with Q^H in Q's place, for the Q of the reflectors in A's first columns and the
// factors tau, so many for each matrix.
void lapack_ormqr(const Matrices& a, const void* tau, int64_t reflectors, const Matrices& c, bool left,
                  bool adjoint);

// B, of max(m, n) rows, becomes in the first n of them the shortest X of the least |A X - B|, A overwritten.
// What is below rcond of the largest counts as zero: of the singular values, which `s` becomes (gelsd), or
// where that is null of the diagonal of R of a QR decomposition with exchanged columns, as gelsy estimates
// it.
void lapack_lstsq(const Matrices& a, const Matrices& b, double rcond, void* s, int64_t* rank, int32_t* info);

// Who knows where NumPy is (Python's bindings) says which file to load, or "".
PLAIT_API void set_lapack_finder(std::string (*find)());

}  // namespace plait::cpu
