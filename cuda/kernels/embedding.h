// Sums of rows by key: the gradient of an embedding; and what else its ops need.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

// keys[j] = indices[j], order[j] = j. What is out of range (and reported) or the padding index gets the key
// `rows`, which sorts last and is in no sum.
void make_row_keys(uint32_t* keys, uint32_t* order, const void* indices, bool wide, int64_t n, int64_t rows,
                   int64_t padding, const char* op, Fault* fault);

// out[key, :] = the sum of grad[order[j], :] over the j with that key, keys in rising order. Sums are taken
// in the order of j and in the opmath type, and are rounded once. Rows without a key are not written.
struct RowSums {
  const uint32_t* keys;
  const uint32_t* order;
  int64_t n, rows, width;
  const void* grad;  // (n, width)
  void* out;         // (rows, width)
};
void sum_sorted_rows(const RowSums& sums, DType dtype);

// counts[index] += 1 for all valid indices; counts were zero.
void count_indices(int32_t* counts, const void* indices, bool wide, int64_t n, int64_t rows);
// out[j, :] = in[j, :] / counts[indices[j]], or 0 for the padding index. No counts: 1.
struct RowScale {
  const void* in;
  void* out;
  const void* indices;
  bool wide;
  const int32_t* counts;
  int64_t n, rows, width, padding;
};
void scale_rows(const RowScale& scale, DType dtype);

// out (n, classes), zeros before: a one at each value. Values out of range are reported.
void write_ones(int64_t* out, const int64_t* values, int64_t n, int64_t classes, Fault* fault);
// largest[0] = the largest of n values, or -1.
void find_largest(int64_t* largest, const int64_t* values, int64_t n);

}  // namespace plait::cuda
