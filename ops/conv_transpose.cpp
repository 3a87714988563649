// Transposed convolutions: the gradient of a convolution with respect to its input, as an op of its own.
#include "ops/decl/conv_transpose.h"
#include "ops/conv_common.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/conv.h"
#include "ops/decl/pad.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

template <int N>
Tensor conv_transpose_nd(const Tensor& self, const Tensor& weight, const Tensor& bias, IntSpan stride,
                         IntSpan padding, IntSpan output_padding, int64_t groups, IntSpan dilation) {
  conv::check_dims("conv_transpose", N, self, weight);
  if (self.dim() == N + 1)
    return plait::squeeze(conv_transpose_nd<N>(plait::unsqueeze(self, 0), weight, bias, stride, padding,
                                               output_padding, groups, dilation),
                          Dims{0});
  const std::string op = conv::check_lists("conv_transpose", self, weight, bias, stride, padding, dilation);
  check(stride.size() == N && output_padding.size() == N,
        "{}: expected {} entries in each of stride, padding, output_padding and dilation, got stride {} and "
        "output_padding {}",
        op, N, stride, output_padding);
  check(groups > 0 && groups < (int64_t{1} << 31), "{}: expected groups of at least 1, got {}", op, groups);
  // Whole strides of output padding are pixels of zero at the end of self.
  Dims sizes, zeros(2 * N, 0);
  for (int i = 0; i < N; ++i) {
    const auto at = static_cast<size_t>(i);
    check(output_padding[at] >= 0 && output_padding[at] < std::max(stride[at], dilation[at]),
          "{}: expected output_padding to be smaller than stride or dilation, got output_padding {}, stride "
          "{}, dilation {}",
          op, output_padding, stride, dilation);
    const int64_t size = (self.sizes()[2 + i] - 1) * stride[at] - 2 * padding[at] +
                         dilation[at] * (weight.sizes()[2 + i] - 1) + output_padding[at] + 1;
    check(size > 0,
          "{}: the result would have spatial size {} for self of shape {}, weight of shape {} and padding "
          "{}; pad less",
          op, size, self.sizes(), weight.sizes(), padding);
    sizes.push_back(size);
    zeros[2 * (N - 1 - i) + 1] = output_padding[at] / stride[at];
  }
  const bool padded = std::any_of(zeros.begin(), zeros.end(), [](int64_t n) { return n > 0; });
  const int64_t channels = weight.sizes()[1] * groups;
  check(!bias.defined() || (bias.dim() == 1 && bias.numel() == channels),
        "{}: expected bias of shape ({},) for weight of shape {} and groups {}, got {}", op, channels,
        weight.sizes(), groups, bias.defined() ? bias.sizes() : Dims());
  const Tensor out = plait::_conv_input_grad(padded ? plait::constant_pad_nd(self, zeros, 0) : self, weight,
                                             sizes, stride, padding, dilation, groups);
  if (!bias.defined()) return out;
  Dims shape(N + 1, 1);
  shape[0] = channels;
  return plait::add(out, plait::reshape(bias, shape));
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)>
    conv_transpose1d{{
        .schema = "conv_transpose1d(Tensor self, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] "
                  "padding=0, int[1] output_padding=0, int groups=1, int[1] dilation=1) -> Tensor",
        .doc =
            R"(Transposed convolution over one spatial dimension: the gradient of conv1d with respect to its input.

Shapes: self (N, C, L) or (C, L), weight (C, O / groups, k), bias (O) give (N, O, ...), each spatial size
(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. Dtypes: floats, complex numbers, int64, all the same. Raises ValueError for
shapes that do not fit and for an output_padding not smaller than stride or dilation.

>>> plait.conv_transpose1d(plait.ones(1, 2, 4), plait.ones(2, 3, 2)).shape
plait.Size([1, 3, 5]))",
        .composite = conv_transpose_nd<1>,
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)>
    conv_transpose2d{{
        .schema = "conv_transpose2d(Tensor self, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] "
                  "padding=0, int[2] output_padding=0, int groups=1, int[2] dilation=1) -> Tensor",
        .doc =
            R"(Transposed convolution over two spatial dimensions: the gradient of conv2d with respect to its input.

Shapes: self (N, C, H, W) or (C, H, W), weight (C, O / groups, kH, kW), bias (O) give (N, O, ...), each spatial size
(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. Dtypes: floats, complex numbers, int64, all the same. Raises ValueError for
shapes that do not fit and for an output_padding not smaller than stride or dilation.

>>> plait.conv_transpose2d(plait.ones(1, 2, 4, 4), plait.ones(2, 3, 2, 2)).shape
plait.Size([1, 3, 5, 5]))",
        .composite = conv_transpose_nd<2>,
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)>
    conv_transpose3d{{
        .schema = "conv_transpose3d(Tensor self, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] "
                  "padding=0, int[3] output_padding=0, int groups=1, int[3] dilation=1) -> Tensor",
        .doc =
            R"(Transposed convolution over three spatial dimensions: the gradient of conv3d with respect to its input.

Shapes: self (N, C, D, H, W) or (C, D, H, W), weight (C, O / groups, kD, kH, kW), bias (O) give (N, O, ...), each spatial size
(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. Dtypes: floats, complex numbers, int64, all the same. Raises ValueError for
shapes that do not fit and for an output_padding not smaller than stride or dilation.

>>> plait.conv_transpose3d(plait.ones(1, 2, 4, 4, 4), plait.ones(2, 3, 2, 2, 2)).shape
plait.Size([1, 3, 5, 5, 5]))",
        .composite = conv_transpose_nd<3>,
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
    }};

}  // namespace plait::op
