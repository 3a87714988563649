// What decompositions by libraries need besides: addresses of the matrices of a batch, permutations, products
// of reflectors for many small matrices.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// addresses[b] = base + b * step, in bytes.
void fill_addresses(void** addresses, void* base, int64_t step, int64_t count);

// The exchanges of an LU decomposition as an order of rows: order (batch, rows), where 0 ... rows - 1 has had
// k and pivots[k] - 1 exchanged, for each k in turn. pivots (batch, count), with count <= rows.
struct RowOrderPlan {
  int64_t* order;
  const int32_t* pivots;
  int64_t batch;
  int rows, count;
};
// An exchange with a row that is not there is left out, and reported.
void order_rows(const RowOrderPlan& plan, const char* op);

// The first columns of H_1 ... H_count with H_j = 1 - tau_j v_j v_j^H, where v_j is 0 above row j, 1 in it
// and column j of `reflectors` below. All matrices lie column by column without gaps, those of reflectors
// `stride` elements apart; tau (batch, count).
struct ReflectorsPlan {
  static constexpr int kMostRows = 256;

  void* out;
  const void *reflectors, *tau;
  DType dtype;  // float32, float64, complex64, complex128
  int64_t batch, stride;
  int rows, columns, count;
};
void multiply_reflectors(const ReflectorsPlan& plan);

}  // namespace plait::cuda
