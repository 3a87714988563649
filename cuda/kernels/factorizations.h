// What decompositions by libraries need besides: addresses of the matrices of a batch, permutations.
#pragma once

#include <cstdint>

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

}  // namespace plait::cuda
