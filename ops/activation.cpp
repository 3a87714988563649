// Activation functions. The derivatives are ops of their own, one pass each, in activation_grad.cpp.
#include "ops/cpu/activation.h"
#include "ops/complex_forms.h"

#include "ops/cpu/binary.h"
#include "ops/cpu/unary.h"
#include "ops/decl/activation.h"
#include "ops/decl/activation_grad.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/ternary.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::Activation;
using cpu::Params;

constexpr double kSeluAlpha = 1.6732632423543772, kSeluScale = 1.0507009873554805;
constexpr DTypeSet kRealNumbers = kRealDTypes & ~1;

}  // namespace

Op<Tensor(const Tensor&)> relu{{
    .schema = "relu(Tensor self) -> Tensor",
    .doc = R"(Elementwise max(self, 0).

Dtypes: real ones but bool.

>>> plait.relu(plait.tensor([-1.0, 2.0]))
tensor([0., 2.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_threshold_backward(v.grad(), v.out(), 0)); },
    .save = "result",
    .kind = Kind::Pointwise,
    .dtypes = kRealNumbers,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::activation("relu", Activation::Relu, out, self); },
}};

Op<Tensor(const Tensor&)> sigmoid{{
    .schema = "sigmoid(Tensor self) -> Tensor",
    .doc = R"(Elementwise logistic function, 1 / (1 + exp(-self)).

Dtypes: any; integers give the default float.

>>> plait.sigmoid(plait.tensor([0.0, 2.0]))
tensor([0.5000, 0.8808]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, plait::_sigmoid_backward(v.grad(), v.out())); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("sigmoid", cpu::Explog::Sigmoid, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> logsigmoid{{
    .schema = "logsigmoid(Tensor self) -> Tensor",
    .doc = R"(Elementwise log(sigmoid(self)), without overflow.

Dtypes: floating.

>>> plait.logsigmoid(plait.tensor([0.0, 2.0]))
tensor([-0.6931, -0.1269]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_logsigmoid_backward(v.grad(), v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::activation("logsigmoid", Activation::LogSigmoid, out, self); },
}};

Op<Tensor(const Tensor&)> silu{{
    .schema = "silu(Tensor self) -> Tensor",
    .doc = R"(Elementwise self * sigmoid(self) (Elfwing et al., 2017; "swish").

Dtypes: floating, complex.

>>> plait.silu(plait.tensor([-1.0, 2.0]))
tensor([-0.2689,  1.7616]))",
    .meta = infer::unary,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          if (!is_complex(x.dtype())) return v.set(0, plait::_silu_backward(v.grad(), x));
          const Tensor s = plait::sigmoid(x);
          v.set(0, v.grad() * plait::conj(s * (x * (1 - s) + 1)));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatComplex,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          if (is_complex(self.dtype())) return complex_forms::silu(out, self);
          cpu::activation("silu", Activation::Silu, out, self);
        },
}};

Op<Tensor(const Tensor&)> mish{{
    .schema = "mish(Tensor self) -> Tensor",
    .doc = R"(Elementwise self * tanh(softplus(self)) (Misra, 2019).

Dtypes: floating.

>>> plait.mish(plait.tensor([-1.0, 2.0]))
tensor([-0.3034,  1.9440]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_mish_backward(v.grad(), v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::activation("mish", Activation::Mish, out, self); },
}};

Op<Tensor(const Tensor&, std::string_view)> gelu{{
    .schema = "gelu(Tensor self, *, str approximate='none') -> Tensor",
    .doc =
        R"(Elementwise self times the standard normal distribution function of self (Hendrycks and Gimpel, 2016); with
approximate='tanh': 0.5 self (1 + tanh(sqrt(2/pi) (self + 0.044715 self^3))).

Dtypes: floating. Raises ValueError for another value of approximate.

>>> plait.gelu(plait.tensor([-1.0, 2.0]))
tensor([-0.1587,  1.9545]))",
    .meta =
        [](const Tensor& self, std::string_view approximate) {
          check(approximate == "none" || approximate == "tanh",
                "gelu: expected approximate to be 'none' or 'tanh', got '{}'", approximate);
          return infer::like(self);
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_gelu_backward(v.grad(), v.in(0), v.attr<std::string_view>(1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, std::string_view approximate) {
          cpu::activation("gelu", approximate == "tanh" ? Activation::GeluTanh : Activation::GeluErf, out,
                          self);
        },
}};

Op<Tensor(const Tensor&)> softsign{{
    .schema = "softsign(Tensor self) -> Tensor",
    .doc = R"(Elementwise self / (1 + |self|).

Dtypes: floating, complex; integers and bool give the default float.

>>> plait.softsign(plait.tensor([-1.0, 3.0]))
tensor([-0.5000,  0.7500]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0), g = v.grad(), scale = plait::abs(x) + 1;
          if (!is_complex(x.dtype())) return v.set(0, g / plait::square(scale));
          // Along x the length counts, too; across it does not.
          const Tensor along = plait::real(plait::conj(g) * x) / plait::square(scale);
          v.set(0, g / scale - along * plait::sgn(x));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kAnyDType,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          if (is_complex(self.dtype())) return complex_forms::softsign(out, self);
          cpu::activation("softsign", Activation::Softsign, out, self);
        },
}};

Op<Tensor(const Tensor&)> tanhshrink{{
    .schema = "tanhshrink(Tensor self) -> Tensor",
    .doc = R"(Elementwise self - tanh(self).

Dtypes: floating, complex; integers and bool give the default float.

>>> plait.tanhshrink(plait.tensor([0.0, 2.0]))
tensor([0.0000, 1.0360]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::square(plait::tanh(v.in(0))))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kAnyDType,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          if (is_complex(self.dtype())) return complex_forms::tanhshrink(out, self);
          cpu::activation("tanhshrink", Activation::Tanhshrink, out, self);
        },
}};

Op<Tensor(const Tensor&)> hardsigmoid{{
    .schema = "hardsigmoid(Tensor self) -> Tensor",
    .doc = R"(Elementwise relu6(self + 3) / 6.

Dtypes: floating.

>>> plait.hardsigmoid(plait.tensor([-4.0, 0.0]))
tensor([0.0000, 0.5000]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_hardsigmoid_backward(v.grad(), v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::activation("hardsigmoid", Activation::Hardsigmoid, out, self); },
}};

Op<Tensor(const Tensor&)> hardswish{{
    .schema = "hardswish(Tensor self) -> Tensor",
    .doc = R"(Elementwise self * relu6(self + 3) / 6 (Howard et al., 2019).

Dtypes: floating.

>>> plait.hardswish(plait.tensor([-4.0, 3.0]))
tensor([-0.,  3.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_hardswish_backward(v.grad(), v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::activation("hardswish", Activation::Hardswish, out, self); },
}};

Op<Tensor(const Tensor&, double)> leaky_relu{{
    .schema = "leaky_relu(Tensor self, float negative_slope=0.01) -> Tensor",
    .doc = R"(Elementwise self where positive, negative_slope * self elsewhere.

Dtypes: floating.

>>> plait.leaky_relu(plait.tensor([-1.0, 2.0]))
tensor([-0.0100,  2.0000]))",
    .meta = [](const Tensor& self, double) { return infer::like(self); },
    .vjp = [](Vjp& v) { v.set(0, plait::_leaky_relu_backward(v.grad(), v.in(0), v.attr<double>(1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, double negative_slope) {
          const Params params{negative_slope};
          cpu::activation("leaky_relu", Activation::LeakyRelu, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, double)> elu{{
    .schema = "elu(Tensor self, float alpha=1.0) -> Tensor",
    .doc = R"(Elementwise self where positive, alpha * (exp(self) - 1) elsewhere (Clevert et al., 2015).

Dtypes: floating.

>>> plait.elu(plait.tensor([-1.0, 2.0]))
tensor([-0.6321,  2.0000]))",
    .meta = [](const Tensor& self, double) { return infer::like(self); },
    .vjp = [](Vjp& v) { v.set(0, plait::_elu_backward(v.grad(), v.in(0), v.attr<double>(1), 1.0, 1.0)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, double alpha) {
          const Params params{alpha, 1.0, 1.0};
          cpu::activation("elu", Activation::Elu, out, self, &params);
        },
}};

Op<Tensor(const Tensor&)> selu{{
    .schema = "selu(Tensor self) -> Tensor",
    .doc =
        R"(Elementwise elu with alpha 1.6733 scaled by 1.0507, which keeps mean and variance (Klambauer et al., 2017).

Dtypes: floating.

>>> plait.selu(plait.tensor([-1.0, 2.0]))
tensor([-1.1113,  2.1014]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_elu_backward(v.grad(), v.in(0), kSeluAlpha, kSeluScale, 1.0)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          const Params params{kSeluAlpha * kSeluScale, kSeluScale, 1.0};
          cpu::activation("selu", Activation::Elu, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, double)> celu{{
    .schema = "celu(Tensor self, float alpha=1.0) -> Tensor",
    .doc = R"(Elementwise self where positive, alpha * (exp(self / alpha) - 1) elsewhere (Barron, 2017).

Dtypes: floating.

>>> plait.celu(plait.tensor([-1.0, 2.0]))
tensor([-0.6321,  2.0000]))",
    .meta =
        [](const Tensor& self, double alpha) {
          check(alpha != 0, "celu: expected alpha not to be zero; try alpha=1.0");
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_elu_backward(v.grad(), v.in(0), v.attr<double>(1), 1.0, 1.0 / v.attr<double>(1)));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, double alpha) {
          const Params params{alpha, 1.0, 1.0 / alpha};
          cpu::activation("celu", Activation::Elu, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, double, double)> softplus{{
    .schema = "softplus(Tensor self, float beta=1.0, float threshold=20.0) -> Tensor",
    .doc = R"(Elementwise log(1 + exp(beta * self)) / beta; self itself where beta * self > threshold.

Dtypes: floating.

>>> plait.softplus(plait.tensor([0.0, 2.0]))
tensor([0.6931, 2.1269]))",
    .meta = [](const Tensor& self, double, double) { return infer::like(self); },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_softplus_backward(v.grad(), v.in(0), v.attr<double>(1), v.attr<double>(2)));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, double beta, double threshold) {
          const Params params{beta, threshold};
          cpu::activation("softplus", Activation::Softplus, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Scalar&, const Scalar&)> hardtanh{{
    .schema = "hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
    .doc = R"(Elementwise self limited to [min_val, max_val].

Dtypes: real ones but bool. Raises ValueError where min_val > max_val.

>>> plait.hardtanh(plait.tensor([-2.0, 0.5]))
tensor([-1.0000,  0.5000]))",
    .meta =
        [](const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
          check(min_val.to<double>() <= max_val.to<double>(),
                "hardtanh: expected min_val <= max_val, got {} and {}", min_val.to<double>(),
                max_val.to<double>());
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_hardtanh_backward(v.grad(), v.in(0), v.attr<const Scalar&>(1),
                                             v.attr<const Scalar&>(2)));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealNumbers,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
          const Params params{min_val, max_val};
          cpu::activation("hardtanh", Activation::Clamp, out, self, &params);
        },
}};

Op<Tensor(const Tensor&)> relu6{{
    .schema = "relu6(Tensor self) -> Tensor",
    .doc = R"(Elementwise self limited to [0, 6].

Dtypes: real ones but bool.

>>> plait.relu6(plait.tensor([-1.0, 2.0, 8.0]))
tensor([0., 2., 6.]))",
    .composite = [](const Tensor& self) { return plait::hardtanh(self, 0, 6); },
    .kind = Kind::Pointwise,
    .dtypes = kRealNumbers,
}};

Op<Tensor(const Tensor&, const Scalar&, const Scalar&)> threshold{{
    .schema = "threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor",
    .doc = R"(Elementwise self where self > threshold, value elsewhere.

Dtypes: real ones but bool.

>>> plait.threshold(plait.tensor([0.5, 2.0]), 1, 0)
tensor([0., 2.]))",
    .meta = [](const Tensor& self, const Scalar&, const Scalar&) { return infer::like(self); },
    .vjp = [](Vjp& v) { v.set(0, plait::_threshold_backward(v.grad(), v.in(0), v.attr<const Scalar&>(1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealNumbers,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Scalar& threshold, const Scalar& value) {
          const Params params{threshold, value};
          cpu::activation("threshold", Activation::Threshold, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, double)> softshrink{{
    .schema = "softshrink(Tensor self, float lambd=0.5) -> Tensor",
    .doc = R"(Elementwise self moved towards zero by lambd, and zero within.

Dtypes: floating.

>>> plait.softshrink(plait.tensor([-1.0, 0.25]))
tensor([-0.5000,  0.0000]))",
    .meta =
        [](const Tensor& self, double lambd) {
          check(lambd >= 0, "softshrink: expected lambd not to be negative, got {}", lambd);
          return infer::like(self);
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_shrink_backward(v.grad(), v.in(0), v.attr<double>(1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, double lambd) {
          const Params params{lambd};
          cpu::activation("softshrink", Activation::Softshrink, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, double)> hardshrink{{
    .schema = "hardshrink(Tensor self, float lambd=0.5) -> Tensor",
    .doc = R"(Elementwise self where |self| > lambd, zero elsewhere.

Dtypes: floating.

>>> plait.hardshrink(plait.tensor([-1.0, 0.25]))
tensor([-1.,  0.]))",
    .meta = [](const Tensor& self, double) { return infer::like(self); },
    .vjp = [](Vjp& v) { v.set(0, plait::_shrink_backward(v.grad(), v.in(0), v.attr<double>(1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, double lambd) {
          const Params params{lambd};
          cpu::activation("hardshrink", Activation::Hardshrink, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, std::optional<double>)> logit{{
    .schema = "logit(Tensor self, float? eps=None) -> Tensor",
    .doc =
        R"(Elementwise log(self / (1 - self)), the inverse of sigmoid; with eps, of self limited to [eps, 1 - eps]. NaN outside of [0, 1].

Dtypes: real ones; integers give the default float.

>>> plait.logit(plait.tensor([0.5, 0.75]))
tensor([0.0000, 1.0986]))",
    .meta = [](const Tensor& self, std::optional<double>) { return infer::unary_float(self); },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0);
          Tensor grad = v.grad() / (self * (1 - self));
          if (const auto eps = v.attr<std::optional<double>>(1))
            grad = plait::_clamp_backward(grad, self, Scalar(*eps), Scalar(1 - *eps));
          v.set(0, grad);
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, std::optional<double> eps) {
          const Params params{eps.value_or(-1)};
          cpu::activation("logit", Activation::Logit, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> _prelu{{
    .schema = "_prelu(Tensor self, Tensor weight) -> Tensor",
    .doc = "self where positive, weight * self elsewhere. Shapes: broadcast together. Dtypes: floating, "
           "promoted.",
    .meta = [](const Tensor& self, const Tensor& weight) { return infer::binary("prelu", self, weight); },
    .vjp =
        [](Vjp& v) {
          const Tensor positive = plait::gt(v.in(0), wrapped_scalar(0)), grad = v.grad();
          if (v.needs(0)) v.set(0, plait::where(positive, grad, grad * v.in(1)));
          if (v.needs(1)) v.set(1, plait::where(positive, wrapped_scalar(0), grad * v.in(0)));
        },
    .save = "self, weight",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& weight) { cpu::binary("prelu", cpu::BinaryMath::Prelu, out, self, weight); },
}};

Op<Tensor(const Tensor&, const Tensor&)> prelu{{
    .schema = "prelu(Tensor self, Tensor weight) -> Tensor",
    .doc =
        R"(self where positive, weight * self elsewhere (He et al., 2015). weight has one element, or one for each channel (dimension 1).

Dtypes: floating. Raises ValueError where weight has another number of elements.

>>> plait.prelu(plait.tensor([-2.0, 2.0]), plait.tensor([0.25]))
tensor([-0.5000,  2.0000]))",
    .composite =
        [](const Tensor& self, const Tensor& weight) {
          if (weight.numel() == 1) return plait::_prelu(self, plait::reshape(weight, Dims{}));
          const int64_t channels = self.dim() >= 2 ? self.sizes()[1] : 1;
          check(weight.dim() == 1 && weight.numel() == channels,
                "prelu: expected weight of one element or of {}, the channels of self of shape {}, got shape "
                "{}",
                channels, self.sizes(), weight.sizes());
          Dims shape(static_cast<int>(self.dim()), 1);
          shape[1] = channels;
          return plait::_prelu(self, plait::reshape(weight, shape));
        },
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
}};

Op<Tensor(const Tensor&, int64_t)> glu{{
    .schema = "glu(Tensor self, int dim=-1) -> Tensor",
    .doc = R"(a * sigmoid(b), where a and b are the halves of self along dim (Dauphin et al., 2016).

Shapes: the size of dim must be even, and is halved. Dtypes: floating.

>>> plait.glu(plait.tensor([1.0, 0.0]))
tensor([0.5000]))",
    .composite =
        [](const Tensor& self, int64_t dim) {
          check(self.dim() > 0, "glu: expected self to have a dimension to halve, got a 0-d tensor");
          const int64_t size = self.size(dim);
          check(size % 2 == 0, "glu: expected an even size of dim {}, got {} in shape {}", dim, size,
                self.sizes());
          return plait::narrow(self, dim, 0, size / 2) *
                 plait::sigmoid(plait::narrow(self, dim, size / 2, size / 2));
        },
    .dtypes = kFloatDTypes,
}};

}  // namespace plait::op
