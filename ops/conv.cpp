// Convolutions. Three ops that are linear in each of two arguments make a closed set: _conv(x, w),
// _conv_input_grad(dy, w) and _conv_weight_grad(dy, x). The derivatives of each are the other two, so that
// any order of derivative exists. A transposed convolution is _conv_input_grad (ops/conv_transpose.cpp).
#include <algorithm>

#include "ops/conv_common.h"
#include "ops/cpu/conv.h"
#include "ops/decl/conv.h"
#include "ops/decl/copy.h"
#include "ops/decl/pad.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using conv::check_lists;
using conv::output_size;
using conv::spec_like;

cpu::ConvParams params_of(IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) {
  return {stride, padding, dilation, groups};
}

// The sizes of the result of _conv. `op` is the name to show.
Dims forward_sizes(const std::string& op, const Dims& x, const Dims& weight, IntSpan stride, IntSpan padding,
                   IntSpan dilation, int64_t groups) {
  const int n = static_cast<int>(stride.size());
  check(x.size() == n + 2 && weight.size() == n + 2,
        "{}: expected self of shape (N, C, {} spatial dimensions) and weight with {} dimensions, got shapes "
        "{} and {}",
        op, n, n + 2, x, weight);
  check(groups > 0 && weight[0] % groups == 0,
        "{}: expected groups to be positive and to divide weight's first dimension, got groups {} for weight "
        "of shape {}",
        op, groups, weight);
  check(x[1] == weight[1] * groups,
        "{}: expected self with {} channels for weight of shape {} and groups {}; got self of shape {}", op,
        weight[1] * groups, weight, groups, x);
  Dims out{x[0], weight[0]};
  for (int i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(i);
    const int64_t size = output_size(x[2 + i], weight[2 + i], stride[at], padding[at], dilation[at]);
    check(weight[2 + i] > 0 && size > 0,
          "{}: the kernel of weight {} with dilation {} does not fit into self of shape {} padded by {}; pad "
          "more or take a smaller kernel",
          op, weight, dilation, x, padding);
    out.push_back(size);
  }
  return out;
}

TensorSpec forward_spec(const Tensor& x, const Tensor& w, const Tensor& bias, IntSpan stride, IntSpan padding,
                        IntSpan dilation, int64_t groups) {
  const std::string op = check_lists("conv", x, w, bias, stride, padding, dilation);
  const Dims sizes = forward_sizes(op, x.sizes(), w.sizes(), stride, padding, dilation, groups);
  check(!bias.defined() || (bias.dim() == 1 && bias.numel() == w.sizes()[0]),
        "{}: expected bias of shape ({},) for weight of shape {}, got {}", op, w.sizes()[0], w.sizes(),
        bias.defined() ? bias.sizes() : Dims());
  return spec_like(sizes, x, w);
}

Dims spatial(const Dims& sizes) { return Dims(IntSpan(sizes).subspan(2)); }

// On CUDA the gradient of a parameter in float32 that was converted to 16 bits is written in float32 at once.
std::optional<DType> grad_dtype(const Vjp& v, int param) {
  const Tensor& g = v.grad();
  if (g.device().type != DeviceType::CUDA || itemsize(g.dtype()) != 2 || !v.may_give_float32(param))
    return {};
  return DType::Float32;
}

void forward_vjp(Vjp& v) {
  const Tensor& g = v.grad();
  const IntSpan stride = v.attr<IntSpan>(3), padding = v.attr<IntSpan>(4), dilation = v.attr<IntSpan>(5);
  const int64_t groups = v.attr<int64_t>(6);
  if (v.needs(0))
    v.set(0, plait::_conv_input_grad(g, conj_if_complex(v.in(1)), spatial(v.sizes(0)), stride, padding,
                                     dilation, groups));
  if (v.needs(1))
    v.set(1, plait::_conv_weight_grad(g, conj_if_complex(v.in(0)), spatial(v.sizes(1)), stride, padding,
                                      dilation, groups, grad_dtype(v, 1)));
  if (v.needs(2)) {
    Dims dims{0};
    for (int64_t d = 2; d < g.dim(); ++d) dims.push_back(d);
    v.set(2, plait::sum(g, dims, false, grad_dtype(v, 2)));
  }
}

template <int N>
Tensor conv_nd(const Tensor& self, const Tensor& weight, const Tensor& bias, IntSpan stride, IntSpan padding,
               IntSpan dilation, int64_t groups) {
  conv::check_dims("conv", N, self, weight);
  if (self.dim() == N + 2) return plait::_conv(self, weight, bias, stride, padding, dilation, groups);
  return plait::squeeze(
      plait::_conv(plait::unsqueeze(self, 0), weight, bias, stride, padding, dilation, groups), Dims{0});
}

template <int N>
Tensor conv_nd_named(const Tensor& self, const Tensor& weight, const Tensor& bias, IntSpan stride,
                     std::string_view padding, IntSpan dilation, int64_t groups) {
  Dims widths(N, 0);
  if (padding == "valid") return conv_nd<N>(self, weight, bias, stride, widths, dilation, groups);
  check(padding == "same", "conv{}d: expected padding 'valid', 'same' or integers, got '{}'", N, padding);
  conv::check_dims("conv", N, self, weight);
  conv::check_lists("conv", self, weight, bias, stride, widths, dilation);
  Dims extra;  // as pad takes it: the last dimension first
  bool uneven = false;
  for (int i = N - 1; i >= 0; --i) {
    const auto at = static_cast<size_t>(i);
    check(stride[at] == 1, "conv{}d: padding 'same' needs stride 1, got {}; give the padding in numbers", N,
          stride);
    const int64_t total = dilation[at] * (weight.sizes()[2 + i] - 1);
    widths[i] = total / 2;
    extra.push_back(0);
    extra.push_back(total % 2);
    uneven = uneven || total % 2 != 0;
  }
  return conv_nd<N>(uneven ? plait::constant_pad_nd(self, extra, 0) : self, weight, bias, stride, widths,
                    dilation, groups);
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> _conv{{
    .schema = "_conv(Tensor self, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, "
              "int groups) -> Tensor",
    .doc = "Convolution of (N, C, ...) with (O, C / groups, ...) over as many spatial dimensions as stride "
           "has entries.",
    .meta = forward_spec,
    .vjp = forward_vjp,
    .save = "weight if self, self if weight, self.layout, weight.layout",
    .kind = Kind::Conv,
    .dtypes = conv::kDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& weight, const Tensor& bias, IntSpan stride,
           IntSpan padding, IntSpan dilation, int64_t groups) {
          cpu::conv_forward(out, self, weight, bias, params_of(stride, padding, dilation, groups));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, int64_t)> _conv_input_grad{{
    .schema = "_conv_input_grad(Tensor self, Tensor weight, int[] input_size, int[] stride, int[] padding, "
              "int[] dilation, int groups) -> Tensor",
    .doc = "The gradient of _conv with respect to its input, whose spatial sizes are given; self is that of "
           "the result.",
    .meta =
        [](const Tensor& self, const Tensor& weight, IntSpan input_size, IntSpan stride, IntSpan padding,
           IntSpan dilation, int64_t groups) {
          const std::string op = check_lists("conv_transpose", self, weight, {}, stride, padding, dilation);
          const int n = static_cast<int>(stride.size());
          check(static_cast<int>(input_size.size()) == n && self.dim() == n + 2 && weight.dim() == n + 2,
                "{}: expected self and weight with {} dimensions, got shapes {} and {}", op, n + 2,
                self.sizes(), weight.sizes());
          check(groups > 0 && weight.sizes()[0] % groups == 0,
                "{}: expected groups to be positive and to divide weight's first dimension, got groups {} "
                "for weight of shape {}",
                op, groups, weight.sizes());
          check(self.sizes()[1] == weight.sizes()[0],
                "{}: expected self with {} channels for weight of shape {}, got self of shape {}", op,
                weight.sizes()[0], weight.sizes(), self.sizes());
          Dims sizes{self.sizes()[0], weight.sizes()[1] * groups};
          for (int64_t size : input_size) sizes.push_back(size);
          const Dims forward = forward_sizes(op, sizes, weight.sizes(), stride, padding, dilation, groups);
          check(forward == self.sizes(),
                "{}: a result of spatial size {} belongs to an argument of shape {}, got {}", op, input_size,
                forward, self.sizes());
          return spec_like(sizes, self, weight);
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          const IntSpan stride = v.attr<IntSpan>(3), padding = v.attr<IntSpan>(4),
                        dilation = v.attr<IntSpan>(5);
          const int64_t groups = v.attr<int64_t>(6);
          if (v.needs(0))
            v.set(0, plait::_conv(g, conj_if_complex(v.in(1)), {}, stride, padding, dilation, groups));
          if (v.needs(1))
            v.set(1, plait::_conv_weight_grad(conj_if_complex(v.in(0)), g, spatial(v.sizes(1)), stride,
                                              padding, dilation, groups, grad_dtype(v, 1)));
        },
    .save = "weight if self, self if weight, weight.layout",
    .kind = Kind::Conv,
    .dtypes = conv::kDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& weight, IntSpan, IntSpan stride,
           IntSpan padding, IntSpan dilation, int64_t groups) {
          cpu::conv_input_grad(out, self, weight, params_of(stride, padding, dilation, groups));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, int64_t, std::optional<DType>)>
    _conv_weight_grad{{
        .schema =
            "_conv_weight_grad(Tensor self, Tensor input, int[] kernel_size, int[] stride, int[] padding, "
            "int[] dilation, int groups, dtype? dtype=None) -> Tensor",
        .doc = "The gradient of _conv with respect to its weight, whose spatial sizes are given; self is "
               "that of "
               "the result. Its dtype is that of self, unless float32 is asked for.",
        .meta =
            [](const Tensor& self, const Tensor& input, IntSpan kernel_size, IntSpan stride, IntSpan padding,
               IntSpan dilation, int64_t groups, std::optional<DType> dtype) {
              const std::string op =
                  check_lists("_conv_weight_grad", self, input, {}, stride, padding, dilation);
              const int n = static_cast<int>(stride.size());
              check(static_cast<int>(kernel_size.size()) == n && self.dim() == n + 2 && input.dim() == n + 2,
                    "{}: expected self and input with {} dimensions, got shapes {} and {}", op, n + 2,
                    self.sizes(), input.sizes());
              check(groups > 0 && input.sizes()[1] % groups == 0,
                    "{}: groups {} do not divide the channels of input of shape {}", op, groups,
                    input.sizes());
              Dims sizes{self.sizes()[1], input.sizes()[1] / groups};
              for (int64_t size : kernel_size) sizes.push_back(size);
              const Dims forward = forward_sizes(op, input.sizes(), sizes, stride, padding, dilation, groups);
              check(forward == self.sizes(),
                    "{}: expected self of shape {} for input of shape {} and a kernel of size {}, got {}", op,
                    forward, input.sizes(), kernel_size, self.sizes());
              const DType out = dtype.value_or(self.dtype());
              check<TypeError>(
                  out == self.dtype() || (out == DType::Float32 && itemsize(self.dtype()) == 2),
                  "{}: expected dtype to be that of self, {}, or float32 for 16-bit floats, got {}", op,
                  self.dtype(), out);
              return TensorSpec(sizes, out, self.device());
            },
        .vjp =
            [](Vjp& v) {
              const Tensor g = plait::_convert(v.grad(), v.dtype(0));
              const IntSpan stride = v.attr<IntSpan>(3), padding = v.attr<IntSpan>(4),
                            dilation = v.attr<IntSpan>(5);
              const int64_t groups = v.attr<int64_t>(6);
              if (v.needs(0))
                v.set(0, plait::_conv(conj_if_complex(v.in(1)), g, {}, stride, padding, dilation, groups));
              if (v.needs(1))
                v.set(1, plait::_conv_input_grad(conj_if_complex(v.in(0)), g, spatial(v.sizes(1)), stride,
                                                 padding, dilation, groups));
            },
        .save = "input if self, self if input, input.layout",
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
        .cpu =
            [](const Tensor& out, const Tensor& self, const Tensor& input, IntSpan, IntSpan stride,
               IntSpan padding, IntSpan dilation, int64_t groups, std::optional<DType>) {
              cpu::conv_weight_grad(out, self, input, params_of(stride, padding, dilation, groups));
            },
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv1d{{
    .schema = "conv1d(Tensor self, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, "
              "int[1] dilation=1, int groups=1) -> Tensor",
    .doc = R"(Convolution (cross-correlation) over one spatial dimension.

Shapes: self (N, C, L) or (C, L), weight (O, C / groups, k), bias (O) give (N, O, ...), each spatial size
floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. Dtypes: floats, complex numbers, int64, all the same. A channels-last argument gives
a channels-last result. Raises ValueError for shapes that do not fit.

>>> plait.conv1d(plait.ones(1, 2, 4), plait.ones(3, 2, 2)).shape
plait.Size([1, 3, 3]))",
    .composite = conv_nd<1>,
    .kind = Kind::Conv,
    .dtypes = conv::kDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)>
    conv1d_padding{{
        .schema = "conv1d.padding(Tensor self, Tensor weight, Tensor? bias=None, int[1] stride=1, str "
                  "padding='valid', int[1] dilation=1, int groups=1) -> Tensor",
        .doc =
            R"(conv1d with padding 'valid' (none) or 'same' (the result has self's spatial sizes; stride 1 only; an odd total puts the
extra element last).

>>> plait.conv1d(plait.ones(1, 2, 4), plait.ones(3, 2, 2), padding='same').shape
plait.Size([1, 3, 4]))",
        .composite = conv_nd_named<1>,
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv2d{{
    .schema = "conv2d(Tensor self, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, "
              "int[2] dilation=1, int groups=1) -> Tensor",
    .doc = R"(Convolution (cross-correlation) over two spatial dimensions.

Shapes: self (N, C, H, W) or (C, H, W), weight (O, C / groups, kH, kW), bias (O) give (N, O, ...), each spatial size
floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. Dtypes: floats, complex numbers, int64, all the same. A channels-last argument gives
a channels-last result. Raises ValueError for shapes that do not fit.

>>> plait.conv2d(plait.ones(1, 2, 4, 4), plait.ones(3, 2, 2, 2)).shape
plait.Size([1, 3, 3, 3]))",
    .composite = conv_nd<2>,
    .kind = Kind::Conv,
    .dtypes = conv::kDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)>
    conv2d_padding{{
        .schema = "conv2d.padding(Tensor self, Tensor weight, Tensor? bias=None, int[2] stride=1, str "
                  "padding='valid', int[2] dilation=1, int groups=1) -> Tensor",
        .doc =
            R"(conv2d with padding 'valid' (none) or 'same' (the result has self's spatial sizes; stride 1 only; an odd total puts the
extra element last).

>>> plait.conv2d(plait.ones(1, 2, 4, 4), plait.ones(3, 2, 2, 2), padding='same').shape
plait.Size([1, 3, 4, 4]))",
        .composite = conv_nd_named<2>,
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv3d{{
    .schema = "conv3d(Tensor self, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, "
              "int[3] dilation=1, int groups=1) -> Tensor",
    .doc = R"(Convolution (cross-correlation) over three spatial dimensions.

Shapes: self (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kD, kH, kW), bias (O) give (N, O, ...), each spatial size
floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. Dtypes: floats, complex numbers, int64, all the same. A channels-last argument gives
a channels-last result. Raises ValueError for shapes that do not fit.

>>> plait.conv3d(plait.ones(1, 2, 4, 4, 4), plait.ones(3, 2, 2, 2, 2)).shape
plait.Size([1, 3, 3, 3, 3]))",
    .composite = conv_nd<3>,
    .kind = Kind::Conv,
    .dtypes = conv::kDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)>
    conv3d_padding{{
        .schema = "conv3d.padding(Tensor self, Tensor weight, Tensor? bias=None, int[3] stride=1, str "
                  "padding='valid', int[3] dilation=1, int groups=1) -> Tensor",
        .doc =
            R"(conv3d with padding 'valid' (none) or 'same' (the result has self's spatial sizes; stride 1 only; an odd total puts the
extra element last).

>>> plait.conv3d(plait.ones(1, 2, 4, 4, 4), plait.ones(3, 2, 2, 2, 2), padding='same').shape
plait.Size([1, 3, 4, 4, 4]))",
        .composite = conv_nd_named<3>,
        .kind = Kind::Conv,
        .dtypes = conv::kDTypes,
    }};

}  // namespace plait::op
