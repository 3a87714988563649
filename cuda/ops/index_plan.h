// From tensors to the walk of kernels/index.h.
#pragma once

#include <vector>

#include "core/tensor.h"
#include "cuda/kernels/index.h"

namespace plait::cuda {

// An index tensor and what it means for the tensor that it indexes.
struct IndexOperand {
  Tensor values;   // of any integer dtype
  Dims strides;    // of values, per dimension of the walk; 0: broadcast
  int64_t size;    // of the dimension that it indexes
  int64_t stride;  // in bytes of the indexed tensor
  int dim;         // for the message
  bool wrap;       // negative indices count from the end
  int64_t skipped = INT64_MIN;
};

// A walk over `sizes`. `there` has strides of its own per dimension, 0 where an index decides; `here` is
// broadcast to the sizes, and may be a number (0-d on the CPU) where it is read.
struct IndexedCall {
  const char* op;
  Dims sizes;
  Tensor there;
  Dims there_strides;
  Tensor here;
  std::vector<IndexOperand> indices;
};

// Add ... Min combine by atomic operations, in any order, or, where plait.use_deterministic_algorithms() asks
// for it, in the order of `here`, as the CPU does. Where Assign meets a place twice one of the values stays:
// the last one there.
void run_indexed(IndexedOp what, IndexedCall call);

// there[indices], by the shapes of `layout` (ops/cpu/index.h): the walk goes over the result.
IndexedCall indexed_call(const char* op, const Tensor& there, TensorList indices, const Tensor& here);
// One index tensor of at most one dimension along dimension d; the walk is over `there` with d as long as the
// index.
IndexedCall row_call(const char* op, const Tensor& there, int d, const Tensor& index, const Tensor& here);
// One index per element: there[.., index[.., j, ..], ..] along dimension d. `here` has at least the shape of
// index, or is a number.
IndexedCall along_call(const char* op, const Tensor& there, int d, const Tensor& index, const Tensor& here);

// `t` seen with other sizes and strides, from its first element on.
Tensor seen_as(const Tensor& t, const Dims& sizes, const Dims& strides);
// In-place kernels: `out` takes the elements of self, unless it is self.
void start_from(const Tensor& out, const Tensor& self);
// A copy where t meets the memory of out.
Tensor without_overlap(const Tensor& t, const Tensor& out);
void zero_fill(const Tensor& out);

}  // namespace plait::cuda
