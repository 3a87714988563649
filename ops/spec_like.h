// What an op makes that is named after a tensor: zeros_like, rand_like.
#pragma once

#include <optional>

#include "ops/infer.h"

namespace plait::op {

// Of the shape of self, and of its dtype, device and layout unless others are given.
inline TensorSpec spec_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                            std::optional<MemoryFormat> format) {
  TensorSpec spec(self.sizes(), dtype.value_or(self.dtype()), device.value_or(self.device()));
  switch (format.value_or(MemoryFormat::Preserve)) {
    case MemoryFormat::Contiguous: break;
    case MemoryFormat::Preserve: spec.strides = infer::layout_like(self); break;
    case MemoryFormat::ChannelsLast:
    case MemoryFormat::ChannelsLast3d: spec.strides = channels_last_strides(self.sizes()); break;
  }
  return spec;
}

}  // namespace plait::op
