// Elements by mask: where the set ones are, and moving them. Two passes over a mask of one byte an element:
// the number of set elements before each tile, then the move; the total stands on the device, behind the
// tiles.
#pragma once

#include <cstdint>

#include "cuda/plan.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

constexpr int64_t kMaskTile = 4096;  // elements
constexpr int64_t mask_tiles(int64_t n) { return (n + kMaskTile - 1) / kMaskTile; }

// before[t]: set elements before tile t; before[mask_tiles(n)]: all of them.
void count_mask(const uint8_t* mask, int64_t n, int64_t* before);

// out[k] = src[i] for the k-th set element i, contiguous elements of `itemsize`.
void select_masked(void* out, const void* src, const uint8_t* mask, int64_t n, const int64_t* before,
                   int64_t itemsize);

// out[i] = src[k] for the k-th set element i. `available` is the length of src: more set elements than that
// are reported (and left out), and fewer where `exact`.
void scatter_masked(void* out, const void* src, const uint8_t* mask, int64_t n, const int64_t* before,
                    int64_t itemsize, int64_t available, bool exact, const char* op, Fault* fault);

// The coordinates of the set elements, `ndim` numbers each, row-major.
struct MaskShape {
  static constexpr int kMaxDims = 32;
  int ndim = 1;
  int64_t sizes[kMaxDims] = {};
};
void positions_of_mask(int64_t* out, const uint8_t* mask, int64_t n, const int64_t* before,
                       const MaskShape& shape);

// out = number where mask is set; the plan's operands are out and mask (one byte), `params` points to this.
struct MaskedFill {
  int64_t itemsize;
  int64_t bits[2];   // the number's,
  const void* from;  // or one element on the device
};
void fill_masked(const ElementwisePlan& plan, const void* params);

// values[i] = the sum of what stood before i; values[n] = the sum of all.
void exclusive_scan(int64_t* values, int64_t n);

}  // namespace plait::cuda
