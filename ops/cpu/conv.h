// Convolution and its two partners, over one to three spatial dimensions, of floats, complex numbers and
// int64: by oneDNN where it takes the dtype, else as products of matrices over unfolded patches (im2col).
#pragma once

#include "core/tensor.h"

namespace plait::cpu {

// One entry per spatial dimension.
struct ConvParams {
  IntSpan stride, padding, dilation;
  int64_t groups;
};

// x (N, C, ...), weight (O, C / groups, ...), y (N, O, ...). The bias may be undefined. Results may be
// contiguous or channels-last, arguments anything.
void conv_forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const ConvParams& params);
void conv_input_grad(const Tensor& dx, const Tensor& dy, const Tensor& weight, const ConvParams& params);
void conv_weight_grad(const Tensor& dweight, const Tensor& dy, const Tensor& x, const ConvParams& params);

}  // namespace plait::cpu
