// Running sums and products: tensors seen as (outer, n, inner), contiguous, scanned along n.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

enum class Scan : uint8_t { Sum, Prod, Count };

// One dtype's kernels. Rounding happens once per result: sums and products of floats run in double.
struct ScanKernel {
  // `rows` rows of n elements beside each other.
  void (*rows)(const char* x, char* y, int64_t rows, int64_t n);
  // Columns: y[i][j] = y[i - 1][j] op x[i][j] for j < columns <= max_columns; rows are `stride` elements
  // apart.
  void (*columns)(const char* x, char* y, int64_t n, int64_t columns, int64_t stride);
};
inline constexpr int64_t kScanColumns = 512;

struct ScanTable {
  ScanKernel kernels[static_cast<int>(Scan::Count)][kDTypeCount];
};
PLAIT_ISA_TABLE(ScanTable, scan_table)

// y = running sum or product of x along dim; x and y have one dtype (int64, floats, complex), y is
// contiguous.
void scan(Scan f, const Tensor& y, const Tensor& x, int dim);
// Running largest or smallest element and where it is, the last of equals; NaN once met stays.
void scan_extreme(bool largest, const Tensor& values, const Tensor& indices, const Tensor& x, int dim);
// log(sum(exp)) of the elements up to each one. Floats.
void scan_logsumexp(const Tensor& y, const Tensor& x, int dim);
// y_i = b_i + a_i y_(i-1); or, in reverse, y_i = b_i + a_(i+1) y_(i+1). Floats and complex, one dtype.
void scan_linear(const Tensor& y, const Tensor& a, const Tensor& b, int dim, bool reverse);

}  // namespace plait::cpu
