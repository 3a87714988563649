// Masks: bool (or uint8) tensors that select elements.
#pragma once

#include <vector>

#include "core/tensor.h"
#include "cuda/runtime/memory.h"

namespace plait::cuda {

inline bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::UInt8; }

// A mask made ready: one byte an element, contiguous, and on the device the number of set elements before
// each tile.
class Mask {
 public:
  explicit Mask(const Tensor& tensor);  // any dtype: what is not zero counts
  const uint8_t* data() const { return static_cast<const uint8_t*>(bytes_.data_ptr()); }
  int64_t numel() const { return bytes_.numel(); }
  const int64_t* before() const { return before_.as<int64_t>(); }
  int64_t count() const;  // waits for the device

 private:
  Tensor bytes_;
  Workspace before_;
};

// The coordinates of the set elements, one a row: int64 (count, dimensions). Waits for the device.
Tensor positions(const Tensor& mask);

// The list of an index_put with its masks as positions, which waits for the device.
std::vector<Tensor> positions_of_masks(const char* op, const Tensor& self, TensorList indices);

// x[mask] = values without waiting, where a mask is all there is: one value for any mask, or as many values
// as a mask of all of x selects.
bool put_by_mask(const char* op, const Tensor& out, TensorList indices, const Tensor& values);

}  // namespace plait::cuda
