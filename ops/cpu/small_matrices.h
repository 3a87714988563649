// Decompositions of matrices that are too small for LAPACK's functions, whose calls take longer than the
// arithmetic.
#pragma once

#include "ops/matrices.h"

namespace plait::cpu {

// Whether the functions below are faster for such matrices.
bool is_small(const Matrices& a);

// Becomes the matrices that lie row by row, without gaps.
void small_transpose(const Matrices& to, const void* from);
// MatrixLibrary's functions, for matrices first ... last - 1.
void small_cholesky(const Matrices& a, int64_t first, int64_t last, int32_t* info);
void small_lu(const Matrices& a, int64_t first, int64_t last, int32_t* pivots, int32_t* info);
void small_triangular(const Triangle& triangle, const Matrices& a, const Matrices& b, int64_t first,
                      int64_t last);

void small_qr(const Matrices& a, int64_t first, int64_t last, void* tau);
void small_q(const Matrices& a, int64_t reflectors, int64_t first, int64_t last, const void* tau);

}  // namespace plait::cpu
