// What kernels of _scaled_mm share.
#pragma once

#include "core/tensor.h"

namespace plait {

// out = (self * scale_a) @ (mat2 * scale_b) + bias, by way of a float32 product; `scale_result` multiplies an
// 8-bit out.
PLAIT_API void scaled_mm_in_float32(const Tensor& out, const Tensor& self, const Tensor& mat2,
                                    const Tensor& scale_a, const Tensor& scale_b, const Tensor& bias,
                                    const Tensor& scale_result);

}  // namespace plait
