// Depthwise convolutions of whole tensors: see depthwise.h.
#pragma once

#include "ops/cpu/conv.h"

namespace plait::cpu {

// Does each group have one input channel?
bool is_depthwise(const Dims& weight, const ConvParams& params);

// As conv_forward, conv_input_grad and conv_weight_grad, for tensors that are contiguous and all of one
// dtype, float32 or float64. The bias may be undefined.
void depthwise_forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const ConvParams& params);
void depthwise_input_grad(const Tensor& dx, const Tensor& dy, const Tensor& weight, const ConvParams& params);
void depthwise_weight_grad(const Tensor& dweight, const Tensor& dy, const Tensor& x,
                           const ConvParams& params);

}  // namespace plait::cpu
