// nextafter of 16-bit floats, for which processors and CUDA have no function: by their bits, from other ops,
// on any device.
#pragma once

#include "core/tensor.h"

namespace plait {

PLAIT_API void next_16_bit_float(const Tensor& out, const Tensor& self, const Tensor& other);

}  // namespace plait
