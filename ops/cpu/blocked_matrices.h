// Decompositions of one large matrix, shared out over plait's threads: LAPACK decomposes narrow panels, and
// what follows from a panel for the columns beside it, products of blocks, is computed by every thread for
// some of them. The library must have one thread meanwhile (OneThread); its own ones cost more than they help
// below about a thousand columns, since they meet at every small block of a panel.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "ops/matrices.h"

namespace plait::cpu {

// A matrix, or a part of one, column by column.
struct Block {
  DType dtype;
  void* data;
  int64_t rows, columns, ld;

  char* at(int64_t row, int64_t column) const {
    return static_cast<char*>(data) + (column * ld + row) * static_cast<int64_t>(itemsize(dtype));
  }
  Block part(int64_t row, int64_t column, int64_t part_rows, int64_t part_columns) const {
    return {dtype, at(row, column), part_rows, part_columns, ld};
  }
  Block from(int64_t row, int64_t column) const { return part(row, column, rows - row, columns - column); }
};

// The upper triangle becomes U with U^H U = A; the other one is left alone. Returned: LAPACK's info.
int32_t blocked_cholesky(const Block& a);

// A becomes L below the diagonal and U; rows k and pivots[k] - 1 were exchanged. Returned: LAPACK's info.
int32_t blocked_lu(const Block& a, int32_t* pivots);

// B becomes X; `conjugate`: A^H where A^T is said.
void blocked_triangular(const Triangle& triangle, const Block& a, const Block& b, bool conjugate = false);

// A becomes R and below it the reflectors of Q, whose factors are tau; `beside`, which may be null, becomes
// Q^H times what it was.
void blocked_qr(const Block& a, void* tau, const Block* beside);

// A, whose first `count` columns are reflectors, becomes as many columns of Q as it has.
void blocked_q(const Block& a, int64_t count, const void* tau);

// Is nothing infinite or NaN in what is read of a matrix?
enum class Part { All, Upper, Lower };
bool is_finite(const Block& a, Part part);

// Whether sums of squares of such numbers are far from the dtype's limits; not so of zeros, infinities, NaN.
bool is_ordinary(const Block& a);
// For ordinary A, of no fewer rows than columns, and B: B becomes in its first rows the X of the least
// |A X - B|, if the condition number of A is below `most` for certain. Else false, and A's and B's first rows
// are a square problem with the same solutions.
bool blocked_least_squares(const Block& a, const Block& b, double most);

}  // namespace plait::cpu
