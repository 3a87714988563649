// Pooling over windows of one to three spatial dimensions.
#pragma once

#include <array>
#include <vector>

#include "core/tensor.h"

namespace plait::cpu {

// What the windows along one dimension cover: elements begin, begin + step, ... below end.
struct Span {
  int64_t begin, end;
  int64_t divided_by;  // this dimension's part of an average's divisor
};
struct Windows {
  std::array<std::vector<Span>, 3> spans;  // missing dimensions stand in front, with one span of one element
  std::array<int64_t, 3> in{1, 1, 1}, step{1, 1, 1};
  // Of windows that are all alike, but for what lies outside; kernel 0 where they are not (adaptive pooling).
  std::array<int64_t, 3> kernel{1, 1, 1}, stride{1, 1, 1}, padding{0, 0, 0};
  int64_t divisor = 0;  // of an average; 0: the product of the spans' parts
};

// x and y are (N, C, ...). The indices say where in its plane of x each maximum stands; the first one, or the
// last NaN. They may be undefined: no one asks.
void max_pool(const Tensor& y, const Tensor& indices, const Tensor& x, const Windows& windows);
void max_pool_backward(const Tensor& dx, const Tensor& dy, const Tensor& indices);
void avg_pool(const Tensor& y, const Tensor& x, const Windows& windows);
void avg_pool_backward(const Tensor& dx, const Tensor& dy, const Windows& windows);

}  // namespace plait::cpu
