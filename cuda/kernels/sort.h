// Orders along a dimension. Every order is stable: of equal elements the first comes first. NaN is larger
// than any number.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// Rows along the middle of (outer, length, inner), contiguous, of fewer than 2^32 elements each. Results: the
// first `kept` in order, as (outer, kept, inner), contiguous.
struct SortRows {
  const void* x;
  DType dtype;
  bool descending;
  int64_t outer, length, inner, kept;
  void* values;         // null: not asked for
  int64_t* indices;     // null: not asked for
  bool packed = false;  // x is (outer, inner, length): each row is contiguous
  // The candidates of each row where not all of it is sorted: (rows, length) positions, rising; rows of x are
  // then `row_length` long.
  const uint32_t* from = nullptr;
  int64_t row_length = 0;

  constexpr int64_t rows() const { return outer * inner; }
  // Element i of a row of x, and of a row of the results.
  constexpr int64_t x_place(int64_t row, int64_t i) const {
    return place(row, i, from ? row_length : length, packed ? 1 : inner);
  }
  constexpr int64_t result_place(int64_t row, int64_t i) const { return place(row, i, kept, inner); }

 private:
  static constexpr int64_t place(int64_t row, int64_t i, int64_t length, int64_t inner) {
    return inner == 1 ? row * length + i : (row / inner * length + i) * inner + row % inner;
  }
};

void sort_rows(const SortRows& rows);
// The `kept` first, in order where `sorted`. x is packed, or has no inner dimension, unless
// selects_by_sorting(rows).
void select_rows(const SortRows& rows, bool sorted);
bool selects_by_sorting(const SortRows& rows);

// One element of each row: at position k in rising order; the lower middle one of all, or NaN if there is
// one; that of the numbers alone. x is packed, or has no inner dimension, unless picks_by_sorting(rows).
enum class Pick : uint8_t { Kth, Median, NanMedian };
bool picks_by_sorting(const SortRows& rows);
void pick_rows(const SortRows& rows, Pick pick, int64_t k);

// ---- the parts (sort_small.cu, select.cu, sort.cu)

// Do rows fit into a block's shared memory?
bool fits_small_sort(const SortRows& rows);
void sort_rows_small(const SortRows& rows);
void pick_rows_small(const SortRows& rows, Pick pick, int64_t k);  // rows of at most 256

// positions (rows, kept): of the `kept` first elements of each row, rising. x is packed.
void select_positions(uint32_t* positions, const SortRows& rows);

}  // namespace plait::cuda
