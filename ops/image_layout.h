// Images laid out channels-last stay so.
#pragma once

#include <algorithm>

#include "core/tensor.h"

namespace plait {

inline bool is_laid_out_channels_last(const Tensor& image) {
  return !image.is_contiguous() && image.is_contiguous(MemoryFormat::ChannelsLast);
}

// A result of the given sizes, (N, C, spatial), in the layout of `image`.
inline TensorSpec image_spec(const Dims& sizes, const Tensor& image, DType dtype) {
  if (is_laid_out_channels_last(image))
    return TensorSpec(sizes, dtype, image.device(), channels_last_strides(sizes));
  return TensorSpec(sizes, dtype, image.device());
}

// The dimensions from the outermost in memory to the innermost.
inline Dims memory_order(const Tensor& tensor) {
  const Dims& strides = tensor.strides();
  Dims order;
  for (int d = 0; d < strides.size(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return strides[static_cast<int>(a)] > strides[static_cast<int>(b)];
  });
  return order;
}

}  // namespace plait
