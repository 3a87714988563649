// Writing by index in a fixed order: what plait.use_deterministic_algorithms() asks for, and what has no
// atomic form.
#pragma once

#include "cuda/kernels/index.h"

namespace plait::cuda {

// Rows of `columns` elements go to the byte offsets `keys` of `there`, which are sorted; equal ones are
// combined in the order in which they stand, by one thread a column. Rows with the key kNoPlace take no part.
struct OrderedPlan {
  static constexpr uint64_t kNoPlace = ~uint64_t{0};
  static constexpr int kMaxDims = 32;

  const uint64_t* keys;
  const uint32_t* order;  // row order[p] of `here` has keys[p]
  int64_t rows, columns;
  char* there;
  const char* here;  // (rows, columns), contiguous; null: a number
  int64_t number[2] = {0, 0};
  int ndim = 0;  // how the columns lie in `there`, outermost first, strides in bytes
  int64_t sizes[kMaxDims] = {}, strides[kMaxDims] = {};
};

void combine_in_order(const OrderedPlan& plan, IndexedOp op, DType dtype);

// order[i] = i
void number_rows(uint32_t* order, int64_t n);

}  // namespace plait::cuda
