// Our own matrix product, for what oneDNN does not take (float64, integers, complex numbers, odd strides) and
// for small ones, where a call of oneDNN costs more than the product. One call runs in one thread.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// c = alpha * (a b) + beta * c + bias. Strides in elements, any sign; c is not read where beta is 0.
struct Gemm {
  int64_t m, n, k;
  void* c;
  const void *a, *b;
  const void* bias;  // one for each column, contiguous; may be null
  int64_t c_row, c_column, a_row, a_column, b_row, b_column;
  alignas(16) char alpha[16], beta[16];  // of the dtype; float for the 16-bit floats
  bool alpha_is_one, beta_is_zero, beta_is_one;
};

// How a product is computed:
enum class GemmKind : uint8_t {
  Tiles,  // blocks of a and b packed for the caches, tiles of c in registers
  Dots,   // few rows; a's rows and b's columns are contiguous: dot products
  Rows,   // few rows; b's rows are contiguous: multiples of them are added up
};

struct GemmTable {
  void (*run[3][kDTypeCount])(
      const Gemm& gemm,
      void* workspace);  // null for Bool and the 16-bit floats, Dots and Rows but for floats
  int64_t workspace_bytes(DType dtype, int64_t m, int64_t n, int64_t k) const {
    return workspace[static_cast<int>(dtype)](m, n, k);
  }
  int64_t (*workspace[kDTypeCount])(int64_t m, int64_t n, int64_t k);  // of Tiles; the others need none
};
PLAIT_ISA_TABLE(GemmTable, gemm_table)

}  // namespace plait::cpu
