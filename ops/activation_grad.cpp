// Derivatives of the activations times a gradient, each one pass, differentiable themselves: linear in the
// gradient, and with the second derivative beside.
#include "ops/decl/activation_grad.h"
#include "ops/cpu/activation.h"
#include "ops/decl/activation.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/complex.h"
#include "ops/decl/create.h"
#include "ops/decl/exponential.h"
#include "ops/decl/matmul.h"
#include "ops/decl/ternary.h"
#include "ops/decl/trigonometric.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::ActivationGrad;
using cpu::Params;

Tensor times(const Tensor& a, const Tensor& b) { return plait::mul(a, b); }

// Sets both derivatives of g * f'(x): v.grad() * f'(x) by `again`, and v.grad() * g * f''(x).
template <class Again, class Second>
void second_order(Vjp& v, const Again& again, const Second& second) {
  if (v.needs(0)) v.set(0, again(v.grad(), v.in(1)));
  if (v.needs(1)) v.set(1, times(times(v.grad(), v.in(0)), second(v.in(1))));
}
template <class Again>
void linear(Vjp& v, const Again& again) {
  if (v.needs(0)) v.set(0, again(v.grad(), v.in(1)));
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&)> _sigmoid_backward{{
    .schema = "_sigmoid_backward(Tensor grad, Tensor output) -> Tensor",
    .doc = "The gradient of sigmoid times grad, from the result.",
    .meta = [](const Tensor& grad,
               const Tensor& output) { return infer::binary("_sigmoid_backward", grad, output); },
    .vjp =
        [](Vjp& v) {
          const Tensor y = v.in(1);
          if (v.needs(0)) v.set(0, plait::_sigmoid_backward(v.grad(), conj_if_complex(y)));
          if (v.needs(1)) v.set(1, conj_if_complex(v.grad()) * v.in(0) * conj_if_complex(1 - 2 * y));
        },
    .save = "grad if output, output",
    .kind = Kind::Pointwise,
    .dtypes = kFloatComplex,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& output) {
          if (is_complex(out.dtype())) {
            copy_into(out, grad * plait::conj(output * (1 - output)));
            return;
          }
          cpu::activation_grad("_sigmoid_backward", ActivationGrad::Sigmoid, out, grad, output);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _tanh_backward{{
    .schema = "_tanh_backward(Tensor grad, Tensor output) -> Tensor",
    .doc = "The gradient of tanh times grad, from the result.",
    .meta = [](const Tensor& grad,
               const Tensor& output) { return infer::binary("_tanh_backward", grad, output); },
    .vjp =
        [](Vjp& v) {
          const Tensor y = v.in(1);
          if (v.needs(0)) v.set(0, plait::_tanh_backward(v.grad(), conj_if_complex(y)));
          if (v.needs(1)) v.set(1, conj_if_complex(v.grad()) * v.in(0) * conj_if_complex(y * -2));
        },
    .save = "grad if output, output",
    .kind = Kind::Pointwise,
    .dtypes = kFloatComplex,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& output) {
          if (is_complex(out.dtype())) {
            copy_into(out, grad * plait::conj(1 - output * output));
            return;
          }
          cpu::activation_grad("_tanh_backward", ActivationGrad::Tanh, out, grad, output);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _silu_backward{{
    .schema = "_silu_backward(Tensor grad, Tensor self) -> Tensor",
    .doc = "The gradient of silu times grad.",
    .meta = [](const Tensor& grad,
               const Tensor& self) { return infer::binary("_silu_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          second_order(
              v, [&](const Tensor& g, const Tensor& x) { return plait::_silu_backward(g, x); },
              [&](const Tensor& x) {
                const Tensor s = plait::sigmoid(x);
                return s * (1 - s) * (2 + x * (1 - 2 * s));
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self) {
          cpu::activation_grad("_silu_backward", ActivationGrad::Silu, out, grad, self);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _mish_backward{{
    .schema = "_mish_backward(Tensor grad, Tensor self) -> Tensor",
    .doc = "The gradient of mish times grad.",
    .meta = [](const Tensor& grad,
               const Tensor& self) { return infer::binary("_mish_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          second_order(
              v, [&](const Tensor& g, const Tensor& x) { return plait::_mish_backward(g, x); },
              [&](const Tensor& x) {
                const Tensor s = plait::sigmoid(x), t = plait::tanh(plait::softplus(x)), u = 1 - t * t;
                return u * s * (2 + x * (1 - s - 2 * t * s));
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self) {
          cpu::activation_grad("_mish_backward", ActivationGrad::Mish, out, grad, self);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _hardsigmoid_backward{{
    .schema = "_hardsigmoid_backward(Tensor grad, Tensor self) -> Tensor",
    .doc = "The gradient of hardsigmoid times grad.",
    .meta = [](const Tensor& grad,
               const Tensor& self) { return infer::binary("_hardsigmoid_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          linear(v, [&](const Tensor& g, const Tensor& x) { return plait::_hardsigmoid_backward(g, x); });
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self) {
          cpu::activation_grad("_hardsigmoid_backward", ActivationGrad::Hardsigmoid, out, grad, self);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _hardswish_backward{{
    .schema = "_hardswish_backward(Tensor grad, Tensor self) -> Tensor",
    .doc = "The gradient of hardswish times grad.",
    .meta = [](const Tensor& grad,
               const Tensor& self) { return infer::binary("_hardswish_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          second_order(
              v, [&](const Tensor& g, const Tensor& x) { return plait::_hardswish_backward(g, x); },
              [&](const Tensor& x) {
                return plait::_hardtanh_backward(plait::full_like(x, 1.0 / 3), x, -3, 3);
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self) {
          cpu::activation_grad("_hardswish_backward", ActivationGrad::Hardswish, out, grad, self);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _logsigmoid_backward{{
    .schema = "_logsigmoid_backward(Tensor grad, Tensor self) -> Tensor",
    .doc = "The gradient of logsigmoid times grad.",
    .meta = [](const Tensor& grad,
               const Tensor& self) { return infer::binary("_logsigmoid_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          second_order(
              v, [&](const Tensor& g, const Tensor& x) { return plait::_logsigmoid_backward(g, x); },
              [&](const Tensor& x) {
                const Tensor s = plait::sigmoid(x);
                return s * (s - 1);
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self) {
          cpu::activation_grad("_logsigmoid_backward", ActivationGrad::LogSigmoid, out, grad, self);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, double)> _leaky_relu_backward{{
    .schema = "_leaky_relu_backward(Tensor grad, Tensor self, float negative_slope) -> Tensor",
    .doc = "The gradient of leaky_relu times grad.",
    .meta = [](const Tensor& grad, const Tensor& self,
               double) { return infer::binary("_leaky_relu_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          linear(v, [&](const Tensor& g, const Tensor& x) {
            return plait::_leaky_relu_backward(g, x, v.attr<double>(2));
          });
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, double negative_slope) {
          const Params params{negative_slope};
          cpu::activation_grad("_leaky_relu_backward", ActivationGrad::LeakyRelu, out, grad, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, double, double)> _softplus_backward{{
    .schema = "_softplus_backward(Tensor grad, Tensor self, float beta, float threshold) -> Tensor",
    .doc = "The gradient of softplus times grad.",
    .meta = [](const Tensor& grad, const Tensor& self, double,
               double) { return infer::binary("_softplus_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          second_order(
              v,
              [&](const Tensor& g, const Tensor& x) {
                return plait::_softplus_backward(g, x, v.attr<double>(2), v.attr<double>(3));
              },
              [&](const Tensor& x) {
                const double beta = v.attr<double>(2), threshold = v.attr<double>(3);
                const Tensor z = x * beta, s = plait::sigmoid(z);
                return plait::masked_fill(s * (1 - s) * beta, plait::gt(z, wrapped_scalar(threshold)),
                                          wrapped_scalar(0));
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, double beta, double threshold) {
          const Params params{beta, threshold};
          cpu::activation_grad("_softplus_backward", ActivationGrad::Softplus, out, grad, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, double, double, double)> _elu_backward{{
    .schema =
        "_elu_backward(Tensor grad, Tensor self, float alpha, float scale, float input_scale) -> Tensor",
    .doc = "The gradient of elu, selu and celu times grad.",
    .meta = [](const Tensor& grad, const Tensor& self, double, double,
               double) { return infer::binary("_elu_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          second_order(
              v,
              [&](const Tensor& g, const Tensor& x) {
                return plait::_elu_backward(g, x, v.attr<double>(2), v.attr<double>(3), v.attr<double>(4));
              },
              [&](const Tensor& x) {
                const double alpha = v.attr<double>(2), scale = v.attr<double>(3), k = v.attr<double>(4);
                const Tensor low = plait::clamp_max(x, wrapped_scalar(0));
                return plait::masked_fill(plait::exp(low * k) * (alpha * scale * k * k),
                                          plait::gt(x, wrapped_scalar(0)), wrapped_scalar(0));
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, double alpha, double scale,
           double input_scale) {
          const Params params{alpha * scale, scale, input_scale};
          cpu::activation_grad("_elu_backward", ActivationGrad::Elu, out, grad, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> _threshold_backward{{
    .schema = "_threshold_backward(Tensor grad, Tensor self, Scalar threshold) -> Tensor",
    .doc = "The gradient of threshold and relu times grad.",
    .meta = [](const Tensor& grad, const Tensor& self,
               const Scalar&) { return infer::binary("_threshold_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          linear(v, [&](const Tensor& g, const Tensor& x) {
            return plait::_threshold_backward(g, x, v.attr<const Scalar&>(2));
          });
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, const Scalar& threshold) {
          const Params params{threshold};
          cpu::activation_grad("_threshold_backward", ActivationGrad::Threshold, out, grad, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, double)> _shrink_backward{{
    .schema = "_shrink_backward(Tensor grad, Tensor self, float lambd) -> Tensor",
    .doc = "The gradient of softshrink and hardshrink times grad.",
    .meta = [](const Tensor& grad, const Tensor& self,
               double) { return infer::binary("_shrink_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          linear(v, [&](const Tensor& g, const Tensor& x) {
            return plait::_shrink_backward(g, x, v.attr<double>(2));
          });
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, double lambd) {
          const Params params{lambd};
          cpu::activation_grad("_shrink_backward", ActivationGrad::Shrink, out, grad, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&, const Scalar&)> _hardtanh_backward{{
    .schema = "_hardtanh_backward(Tensor grad, Tensor self, Scalar min_val, Scalar max_val) -> Tensor",
    .doc = "The gradient of hardtanh times grad.",
    .meta = [](const Tensor& grad, const Tensor& self, const Scalar&,
               const Scalar&) { return infer::binary("_hardtanh_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          linear(v, [&](const Tensor& g, const Tensor& x) {
            return plait::_hardtanh_backward(g, x, v.attr<const Scalar&>(2), v.attr<const Scalar&>(3));
          });
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, const Scalar& min_val,
           const Scalar& max_val) {
          const Params params{min_val, max_val};
          cpu::activation_grad("_hardtanh_backward", ActivationGrad::Hardtanh, out, grad, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&, const Scalar&)> _clamp_backward{{
    .schema = "_clamp_backward(Tensor grad, Tensor self, Scalar min, Scalar max) -> Tensor",
    .doc = "The gradient of clamp times grad.",
    .meta = [](const Tensor& grad, const Tensor& self, const Scalar&,
               const Scalar&) { return infer::binary("_clamp_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          linear(v, [&](const Tensor& g, const Tensor& x) {
            return plait::_clamp_backward(g, x, v.attr<const Scalar&>(2), v.attr<const Scalar&>(3));
          });
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, const Scalar& min, const Scalar& max) {
          const Params params{min, max};
          cpu::activation_grad("_clamp_backward", ActivationGrad::Clamp, out, grad, self, &params);
        },
}};

// With the density p(x) and, of the approximation, u = 2 sqrt(2/pi) (x + 0.044715 x^3), s = sigmoid(u): x s
// is differentiated twice.
Op<Tensor(const Tensor&, const Tensor&, std::string_view)> _gelu_backward{{
    .schema = "_gelu_backward(Tensor grad, Tensor self, str approximate) -> Tensor",
    .doc = "The gradient of gelu times grad.",
    .meta = [](const Tensor& grad, const Tensor& self,
               std::string_view) { return infer::binary("_gelu_backward", grad, self); },
    .vjp =
        [](Vjp& v) {
          const std::string_view approximate = v.attr<std::string_view>(2);
          second_order(
              v, [&](const Tensor& g, const Tensor& x) { return plait::_gelu_backward(g, x, approximate); },
              [&](const Tensor& x) {
                const Tensor x2 = x * x;
                if (approximate == "none") return plait::exp(x2 * -0.5) * 0.3989422804014327 * (2 - x2);
                constexpr double kScale = 1.5957691216057308, kCubic = 0.044715;
                const Tensor s = plait::sigmoid((x + kCubic * (x2 * x)) * kScale), ds = s * (1 - s);
                const Tensor u1 = (1 + (3 * kCubic) * x2) * kScale, u2 = x * (6 * kCubic * kScale);
                return ds * (2 * u1 + x * ((1 - 2 * s) * (u1 * u1) + u2));
              });
        },
    .save = "grad if self, self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& self, std::string_view approximate) {
          const ActivationGrad f = approximate == "tanh" ? ActivationGrad::GeluTanh : ActivationGrad::GeluErf;
          cpu::activation_grad("_gelu_backward", f, out, grad, self);
        },
}};

}  // namespace plait::op
