// Reading and writing elements at places that index tensors name: the one walk under gather, scatter, index
// and their kin.
//
// Two tensors are walked together. `here` has an element for each step (what is gathered, what is scattered);
// `there` is indexed: its place is a sum of the steps' offsets and, for each index tensor, of index * stride.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

// What an index tensor means for `there`.
struct IndexedDim {
  int64_t size = 1;    // valid: 0 <= index < size, or from -size where negative ones count from the end
  int64_t stride = 0;  // bytes of `there` from one index to the next
  int64_t skipped = INT64_MIN;  // an index that takes no part
  int32_t dim = 0;              // for the message
  bool wide = true;             // int64 or int32
  bool wrap = false;            // negative indices count from the end; otherwise they are refused
};

struct IndexedPlan {
  static constexpr int kMaxDims = 12;    // after merging; more are walked by the host (ops/index_plan.cpp)
  static constexpr int kMaxIndices = 4;  // more are folded into one first
  static constexpr int kThere = 0, kHere = 1, kIndex = 2, kOperands = kIndex + kMaxIndices;

  int ndim = 1;
  int64_t numel = 0;
  int64_t sizes[kMaxDims];               // innermost first
  int64_t strides[kMaxDims][kOperands];  // in bytes; 0: broadcast
  char* data[kOperands];
  int64_t number[2] = {0, 0};  // where data[kHere] is null: the bits of one element, written everywhere

  int indices = 0;
  IndexedDim index[kMaxIndices];
  const char* op = "";
  Fault* fault = nullptr;
};

enum class IndexedOp : uint8_t { Read, Assign, Add, Mul, Max, Min };

// here = there[index] and there[index] = here. Only bits move, so the element's size says enough. Where
// places meet, one of the values stays.
void index_read(const IndexedPlan& plan, int64_t itemsize);
void index_assign(const IndexedPlan& plan, int64_t itemsize);

// there[index] op= here by atomic operations, in any order. Null: not defined for the dtype (Mul of
// complex128 has no atomic form). Products and extremes take one index tensor.
void (*index_combine(IndexedOp op, DType dtype))(const IndexedPlan& plan);

// The places in `there`, as byte offsets, of a plan whose `here` is an int64 per step: -1 where the index is
// refused or skipped.
void index_offsets(const IndexedPlan& plan);

}  // namespace plait::cuda
