#include "core/strided_iter.h"

#include <algorithm>

#include "core/parallel.h"

namespace plait {
namespace {

constexpr int64_t kGrain = 32768;  // elements of a cheap op that are worth a fork-join
constexpr int64_t kTile =
    64;  // side of a tile where an operand is transposed: 64 lines of 64 bytes fit into L1

}  // namespace

void StridedIter::add(const Tensor& tensor, bool output) { inputs_[operands_++] = {tensor.impl(), output}; }

void StridedIter::build() {
  const TensorImpl& out = *inputs_[0].tensor;
  numel_ = out.numel;
  bool flat = out.contiguous;
  for (int k = 0; k < operands_; ++k) {
    const TensorImpl& t = *inputs_[k].tensor;
    data_[k] = static_cast<char*>(t.storage ? t.storage->data() : nullptr) + t.offset * itemsize(t.dtype);
    flat = flat && (t.numel == 1 || (t.contiguous && t.numel == numel_));
  }
  if (flat) {  // the common case: one run
    ndim_ = 1;
    shape_[0] = numel_;
    for (int k = 0; k < operands_; ++k) {
      const TensorImpl& t = *inputs_[k].tensor;
      strides_[0][k] = t.numel == 1 && numel_ != 1 ? 0 : itemsize(t.dtype);
    }
    return;
  }
  ndim_ = out.sizes.size();
  for (int d = 0; d < ndim_; ++d) shape_[d] = out.sizes[ndim_ - 1 - d];
  for (int k = 0; k < operands_; ++k) {
    const TensorImpl& t = *inputs_[k].tensor;
    const int own = t.sizes.size();
    for (int d = 0; d < ndim_; ++d) {
      const bool broadcast = d >= own || (t.sizes[own - 1 - d] == 1 && shape_[d] != 1);
      strides_[d][k] = broadcast ? 0 : t.strides[own - 1 - d] * itemsize(t.dtype);
    }
  }
  order_dims();
  coalesce();
  if (ndim_ >= 2) {
    for (int k = 0; k < operands_; ++k) {
      const int64_t size = itemsize(inputs_[k].tensor->dtype);
      tiled_ |= strides_[0][k] > 4 * size && strides_[1][k] == size && shape_[0] > kTile / 2 &&
                shape_[1] > kTile / 2;
    }
  }
}

// Innermost is the dimension of the smallest stride; operands vote in order, the output first.
void StridedIter::order_dims() {
  const auto before = [&](int a, int b) {  // should a be inside of b?
    for (int k = 0; k < operands_; ++k) {
      const int64_t x = strides_[a][k], y = strides_[b][k];
      if (x == 0 || y == 0 || x == y) continue;
      return x < y;
    }
    return false;
  };
  for (int i = 1; i < ndim_; ++i) {
    for (int j = i; j > 0 && before(j, j - 1); --j) {
      std::swap(shape_[j], shape_[j - 1]);
      for (int k = 0; k < operands_; ++k) std::swap(strides_[j][k], strides_[j - 1][k]);
    }
  }
}

void StridedIter::coalesce() {
  int kept = 0;
  for (int d = 1; d < ndim_; ++d) {
    bool merge = shape_[kept] == 1 || shape_[d] == 1;
    if (!merge) {
      merge = true;
      for (int k = 0; k < operands_; ++k) merge = merge && strides_[d][k] == strides_[kept][k] * shape_[kept];
    }
    if (merge) {
      if (shape_[kept] == 1)
        for (int k = 0; k < operands_; ++k) strides_[kept][k] = strides_[d][k];
      shape_[kept] *= shape_[d];
    } else {
      ++kept;
      shape_[kept] = shape_[d];
      for (int k = 0; k < operands_; ++k) strides_[kept][k] = strides_[d][k];
    }
  }
  if (ndim_ == 0) {
    shape_[0] = 1;
    for (int k = 0; k < operands_; ++k) strides_[0][k] = 0;
  }
  ndim_ = kept + 1;
}

void StridedIter::run(Loop loop, const void* params, int cost) const {
  if (numel_ == 0) return;
  if (ndim_ == 1 && numel_ <= 2048) return loop(data_, strides_[0], numel_, params);
  const int64_t grain = std::max<int64_t>(kGrain / cost, 1024);
  if (tiled_) {
    const int64_t panels = numel_ / (shape_[0] * shape_[1]);
    const int64_t rows = (shape_[1] + kTile - 1) / kTile;
    parallel_for(0, panels * rows, std::max<int64_t>(1, grain / (kTile * shape_[0])),
                 [&](int64_t begin, int64_t end) { run_tiled(begin, end, loop, params); });
  } else {
    parallel_for(0, numel_, grain, [&](int64_t begin, int64_t end) { run_range(begin, end, loop, params); });
  }
}

void StridedIter::run_range(int64_t begin, int64_t end, Loop loop, const void* params) const {
  if (begin >= end) return;
  int64_t index[kMaxDims];
  char* data[kMaxOperands];
  int64_t rest = begin;
  std::copy(data_, data_ + operands_, data);
  for (int d = 0; d < ndim_; ++d) {
    index[d] = rest % shape_[d];
    rest /= shape_[d];
    for (int k = 0; k < operands_; ++k) data[k] += index[d] * strides_[d][k];
  }
  for (int64_t left = end - begin; left > 0;) {
    const int64_t n = std::min(left, shape_[0] - index[0]);
    loop(data, strides_[0], n, params);
    left -= n;
    if (left == 0) break;
    for (int k = 0; k < operands_; ++k) data[k] -= index[0] * strides_[0][k];
    index[0] = 0;
    for (int d = 1; d < ndim_; ++d) {
      for (int k = 0; k < operands_; ++k) data[k] += strides_[d][k];
      if (++index[d] < shape_[d]) break;
      for (int k = 0; k < operands_; ++k) data[k] -= index[d] * strides_[d][k];
      index[d] = 0;
    }
  }
}

// Tile rows are numbered across all panels; each covers kTile steps of dimension 1 and all of dimension 0, in
// tiles.
void StridedIter::run_tiled(int64_t begin, int64_t end, Loop loop, const void* params) const {
  const int64_t rows = (shape_[1] + kTile - 1) / kTile;
  for (int64_t r = begin; r < end; ++r) {
    char* panel[kMaxOperands];
    std::copy(data_, data_ + operands_, panel);
    int64_t rest = r / rows;
    for (int d = 2; d < ndim_; ++d) {
      for (int k = 0; k < operands_; ++k) panel[k] += (rest % shape_[d]) * strides_[d][k];
      rest /= shape_[d];
    }
    const int64_t row = (r % rows) * kTile, row_end = std::min(row + kTile, shape_[1]);
    for (int64_t column = 0; column < shape_[0]; column += kTile) {
      const int64_t n = std::min(kTile, shape_[0] - column);
      for (int64_t i = row; i < row_end; ++i) {
        char* data[kMaxOperands];
        for (int k = 0; k < operands_; ++k) data[k] = panel[k] + column * strides_[0][k] + i * strides_[1][k];
        loop(data, strides_[0], n, params);
      }
    }
  }
}

}  // namespace plait
