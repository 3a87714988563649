// How the channels of a tensor (N, C, ...) lie in memory, as batch and group norm see it.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/convert.h"

namespace plait::cpu {

enum class ChannelLayout : uint8_t {
  Planes,
  Rows
};  // the elements of a channel, or the channels, side by side

// Is the tensor dense with its channels innermost?
inline bool channels_innermost(const Tensor& t) {
  int64_t step = 1;
  for (int i = 0; i < t.dim(); ++i) {
    const int d = i == 0 ? 1 : i == t.dim() - 1 ? 0 : static_cast<int>(t.dim()) - i;
    if (t.sizes()[d] != 1 && t.strides()[d] != step) return false;
    step *= t.sizes()[d];
  }
  return true;
}
inline int64_t plane_size(const Tensor& t) {
  int64_t n = 1;
  for (int d = 2; d < t.dim(); ++d) n *= t.sizes()[d];
  return n;
}
// Of what is computed for a result; a result of some other layout is copied into.
inline ChannelLayout channel_layout(const Tensor& result) {
  if (plane_size(result) == 1 || (!result.is_contiguous() && channels_innermost(result)))
    return ChannelLayout::Rows;
  return ChannelLayout::Planes;
}
inline bool has_layout(const Tensor& t, ChannelLayout layout) {
  return layout == ChannelLayout::Rows ? channels_innermost(t) : t.is_contiguous();
}
inline Tensor empty_in(const Dims& sizes, ChannelLayout layout, DType dtype) {
  TensorSpec spec(sizes, dtype, kCPU);
  if (layout == ChannelLayout::Rows) {
    Dims strides(sizes.size(), 1);
    int64_t step = sizes[1];
    for (int d = sizes.size() - 1; d >= 2; --d) {
      strides[d] = step;
      step *= sizes[d];
    }
    strides[0] = step;
    spec.strides = strides;
  }
  return empty_tensor(spec);
}
// The tensor in this layout and dtype, copied where it has another; and a tensor to compute a result in.
inline Tensor in_layout(const Tensor& t, ChannelLayout layout, DType dtype) {
  if (t.dtype() == dtype && has_layout(t, layout)) return t;
  const Tensor out = empty_in(t.sizes(), layout, dtype);
  copy(out, t);
  return out;
}
inline Tensor target_in(const Tensor& result, ChannelLayout layout, DType dtype) {
  return result.dtype() == dtype && has_layout(result, layout) ? result
                                                               : empty_in(result.sizes(), layout, dtype);
}

}  // namespace plait::cpu
