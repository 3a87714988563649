// Decompositions of real matrices that are no larger than a block, and systems of such triangles: what is on
// the diagonal of a large matrix that is decomposed by blocks. Calls of LAPACK's functions for so few numbers
// take longer than the arithmetic, and BLAS's triangular solvers reach a tenth of a product's speed on them.
#pragma once

#include "ops/cpu/blocked_matrices.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

constexpr int64_t kMostInDiagonalBlock = 32;  // rows and columns
constexpr int64_t kMostRowsOfPanel = 64;      // that LU takes

// A system A X = B as the kernels take it: element (i, j) of A is a[i * a_row + j * a_column].
struct TriangularSystem {
  const void* a;
  int64_t a_row, a_column;
  void* b;
  int64_t b_row, b_column;  // one of these is 1
  int64_t n, columns;       // of A, and of B
  bool upper, unit;         // unit: with ones on the diagonal
};

struct DiagonalBlocksTable {  // for float32 and float64
  // As blocked_cholesky() and blocked_lu().
  int32_t (*cholesky[2])(const Block& a);
  int32_t (*lu[2])(const Block& a, int32_t* pivots);
  // B becomes X.
  void (*substitute[2])(const TriangularSystem& system);
};
PLAIT_ISA_TABLE(DiagonalBlocksTable, diagonal_blocks_table)

}  // namespace plait::cpu
