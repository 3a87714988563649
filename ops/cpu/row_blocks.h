// The rows of a contiguous tensor as kernels take them: where they lie, or, of another dtype (16-bit floats),
// converted block by block in a buffer that stays in the cache.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/convert.h"

namespace plait::cpu {

template <class T>
class RowBlocks {
 public:
  // Rows of which a block fits the buffers.
  static int64_t rows_at_once(int64_t n) { return n < kElements ? kElements / n : 1; }

  RowBlocks(const Tensor& tensor, int64_t n)
      : data_(static_cast<char*>(tensor.data_ptr())),
        dtype_(tensor.dtype()),
        n_(n) {}

  bool is_direct() const { return dtype_ == dtype_of<T>; }
  const T* load(int64_t first, int64_t count, T* buffer) const {
    if (!is_direct()) convert_block(buffer, dtype_of<T>, at(first), dtype_, count * n_);
    return place(first, buffer);
  }
  // Where rows are to be written, which `store` then brings to the tensor.
  T* place(int64_t first, T* buffer) const { return is_direct() ? reinterpret_cast<T*>(at(first)) : buffer; }
  void store(int64_t first, int64_t count, T* buffer) const {
    if (!is_direct()) convert_block(at(first), dtype_, buffer, dtype_of<T>, count * n_);
  }

 private:
  static constexpr int64_t kElements = 8192;

  char* at(int64_t first) const { return data_ + first * n_ * itemsize(dtype_); }

  char* data_;
  DType dtype_;
  int64_t n_;
};

}  // namespace plait::cpu
