// Products of many small matrices: the vectors' lanes are matrices. A product of 3 x 3 matrices has too few
// numbers for vectors of its own, and calling the kernel of one product for each would take the time.
#pragma once

#include "ops/cpu/gemm.h"

namespace plait::cpu {

// The largest product that is computed so, and the largest a and b, which callers see to: buffers are of that
// size. Beyond it, a product's own numbers fill vectors.
constexpr int64_t kMostInSmallProduct = 256;  // multiply-adds
constexpr int64_t kMostInSmallMatrix = 48;    // elements

struct SmallProductsTable {
  // c, a and b of `count` products lie so many elements apart. No bias.
  void (*run[kDTypeCount])(const Gemm& gemm, int64_t c_step, int64_t a_step, int64_t b_step, int64_t count);
};
PLAIT_ISA_TABLE(SmallProductsTable, small_products_table)

}  // namespace plait::cpu
