// Moving elements that are named by indices or by a mask. Indices reach the kernels checked and non-negative.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace plait::cpu {

// The index tensor as contiguous int64 without negative values. Raises IndexError naming the value, the bound
// `size`, the dimension and the op where one is out of range; negative values count from the end where
// `wrap`, and are refused otherwise.
Tensor checked_index(const char* op, const Tensor& index, int64_t size, int64_t dim, bool wrap);

// out[o, j, :] = src[o, index[j], :] for contiguous out (outer, m, slab) and src (outer, n, slab).
void gather_rows(const Tensor& out, const Tensor& src, const Tensor& index, int64_t outer, int64_t n,
                 int64_t slab);
// out[o, index[j], :] = src[o, j, :], or += ; the result does not depend on the number of threads. A negative
// index[j] skips row j.
void put_rows(const Tensor& out, const Tensor& src, const Tensor& index, int64_t outer, int64_t n,
              int64_t slab, bool accumulate);

// ---- masks

// A mask made ready: one byte an element, row-major, and the number of set elements before each chunk.
struct Mask {
  static constexpr int64_t kChunk = 1 << 15;
  explicit Mask(const Tensor& tensor);  // any dtype: what is not zero counts
  Tensor bytes;
  std::vector<int64_t> before;  // one more than there are chunks: the last is the total
  int64_t count() const { return before.back(); }
};
Tensor flat_positions(const Mask& mask);                // 1-D int64
Tensor positions(const Mask& mask, const Dims& sizes);  // (count, ndim)
void select_masked(const Tensor& out, const Tensor& src,
                   const Mask& mask);  // out[k] = src[k-th set element]; both contiguous
void scatter_masked(const Tensor& out, const Tensor& src, const Mask& mask);  // the other way round
void fill_masked(const Tensor& out, const Tensor& value,
                 const Mask& mask);  // out contiguous, value of one element

// ---- several index tensors

// Where the elements of self[indices] lie in self.
struct IndexPlan {
  Dims result;     // shape of self[indices]
  Dims strides;    // of self, along the result's dimensions; nothing along the index's own
  int first;       // of the index's dimensions
  Tensor offsets;  // in self, of each index; int64, of the shape that the index tensors broadcast to
};
// Which dimensions are indexed, where the broadcast index goes in the result, and its shape.
struct IndexLayout {
  Dims shape;      // that the index tensors broadcast to
  int first = -1;  // position of the index dimensions in the result (0 where they are not adjacent)
  bool adjacent = true;
};
PLAIT_API IndexLayout index_layout(const char* op, const Tensor& self, TensorList indices);
// The shape of self[indices] from the shapes alone. Indices: integers, undefined for a full slice, no masks.
PLAIT_API Dims indexed_shape(const char* op, const Tensor& self, TensorList indices);
IndexPlan plan_index(const char* op, const Tensor& self, TensorList indices);
void gather_planned(const Tensor& out, const Tensor& self, const IndexPlan& plan);
// self[indices] = values (contiguous, of the result's shape, or one element), or += .
void put_planned(const Tensor& self, const Tensor& values, const IndexPlan& plan, bool accumulate);

// ---- one index tensor along a dimension

enum class Reduce : uint8_t { Assign, Add, Mul, Max, Min };

// The index of a scatter, checked: int64, its elements side by side except where it repeats them (stride 0).
// Raises as checked_index does.
Tensor checked_along(const char* op, const Tensor& index, const Tensor& table, int dim);
// out[.., j, ..] = self[.., index[.., j, ..], ..] along dimension dim. The index need not be checked.
void gather_along(const char* op, const Tensor& out, const Tensor& self, int dim, const Tensor& index);
// out[.., index[.., j, ..], ..] = or op= src[.., j, ..]; src has at least the shape of index, or one element.
void scatter_along(const Tensor& out, int dim, const Tensor& index, const Tensor& src, Reduce reduce);

}  // namespace plait::cpu
