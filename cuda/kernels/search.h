// Where values belong in rising sequences, and the distinct ones of sorted values.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

// out[i] = the first place of values[i] in its sequence that keeps the order, or with `right` the last. One
// sequence of `length` for all, or one for each `per_row` values. NaN is larger than any number. All
// contiguous; out int32 or int64.
struct Search {
  const void *sequence, *values;
  DType dtype;
  int64_t length, per_row;  // per_row 0: one for all
  int64_t n;
  void* out;
  bool wide, right;
};
void search_sorted(const Search& search);

// Of rows of `length` sorted values: heads[i] = 1 where element i is the first of its row or unlike the one
// before. A NaN is unlike all, or like every other where `nans_equal`.
void mark_heads(uint8_t* heads, const void* sorted, DType dtype, int64_t n, int64_t length, bool nans_equal);
// Of `n` items (width elements each) in the order given: 1 where an item is unlike the one before.
void mark_unlike_items(uint8_t* heads, const void* items, DType dtype, const int64_t* order, int64_t n,
                       int64_t width);

// ranks[row(i) * length + order[i]] = the number of heads up to and including i, less one; `before` as in
// mask.h.
void scatter_ranks(int64_t* ranks, const int64_t* order, const uint8_t* heads, int64_t n, int64_t length,
                   const int64_t* before);

// lengths[g] = starts[g + 1] - starts[g], the last one up to n.
void run_lengths(int64_t* lengths, const int64_t* starts, int64_t groups, int64_t n);

// pairs[c, i] = ranks[2 c, i] * 2^32 + ranks[2 c + 1, i], of `columns` rows of n; a lone last row: its ranks.
void pair_ranks(int64_t* pairs, const int64_t* ranks, int64_t columns, int64_t n);

// Reports what is negative.
void check_repeats(const int64_t* repeats, int64_t n, Fault* fault);
// out[k] = the i whose repeats cover k: ends[i] is the sum of the repeats up to and including i. A sum that
// is not `total` is reported.
void expand_repeats(int64_t* out, int64_t total, const int64_t* ends, int64_t n, Fault* fault);

}  // namespace plait::cuda
