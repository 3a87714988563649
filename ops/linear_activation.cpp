// An affine map with the activation behind it: one op, since a GPU's matrix product applies the activation on
// the sums' way to memory, where a second kernel would read and write them again.
#include "ops/decl/linear_activation.h"

#include "core/context.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/matmul.h"
#include "ops/decl/activation.h"
#include "ops/decl/activation_grad.h"
#include "ops/decl/addmm.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/matmul.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/linear.h"

namespace plait::op {
namespace {

TensorSpec spec_of(const char* op, const Tensor& self, const Tensor& weight, const Tensor& bias) {
  check(self.dim() >= 1 && weight.dim() == 2 && self.sizes().back() == weight.sizes()[1] &&
            (!bias.defined() || (bias.dim() == 1 && bias.sizes()[0] == weight.sizes()[0])),
        "{}: expected self (..., in), weight (out, in) and bias (out), got shapes {}, {} and {}", op,
        self.sizes(), weight.sizes(), bias.defined() ? bias.sizes() : Dims{});
  check<TypeError>(
      self.dtype() == weight.dtype() && (!bias.defined() || bias.dtype() == self.dtype()),
      "{}: expected tensors of one dtype, got self of dtype {}, weight of dtype {} and bias of dtype {}; "
      "convert with .to(dtype)",
      op, self.dtype(), weight.dtype(), bias.defined() ? bias.dtype() : self.dtype());
  TensorSpec spec(self.sizes(), self.dtype(), self.device());
  spec.sizes[spec.sizes.size() - 1] = weight.sizes()[0];
  return spec;
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _linear_relu{{
    .schema = "_linear_relu(Tensor self, Tensor weight, Tensor? bias=None) -> Tensor",
    .doc = R"(relu(self @ weight.T + bias).

Shapes: self (..., in), weight (out, in), bias (out) give (..., out). Dtypes: floats, all the same.)",
    .meta = [](const Tensor& self, const Tensor& weight,
               const Tensor& bias) { return spec_of("_linear_relu", self, weight, bias); },
    .vjp = [](Vjp& v) { linear_vjp(v, plait::_threshold_backward(v.grad(), v.out(), 0)); },
    .save = "weight if self, self if weight, result",
    .kind = Kind::Matmul,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& weight, const Tensor& bias) {
          NoGrad guard;
          cpu::linear(out, self, weight, bias);
          plait::relu_(out);
        },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, bool)> _linear_gelu{{
    .schema = "_linear_gelu(Tensor self, Tensor weight, Tensor? bias=None, bool keep=False) -> (Tensor out, "
              "Tensor sums)",
    .doc =
        R"(gelu(self @ weight.T + bias, approximate='tanh'), and with `keep` the sums that it is taken of, which the
derivative then need not compute again (without it an empty tensor).

Shapes: self (..., in), weight (out, in), bias (out) give (..., out). Dtypes: floats, all the same.)",
    .meta =
        [](const Tensor& self, const Tensor& weight, const Tensor& bias, bool keep) {
          const TensorSpec out = spec_of("_linear_gelu", self, weight, bias);
          return std::array<TensorSpec, 2>{out,
                                           keep ? out : TensorSpec(Dims{0}, self.dtype(), self.device())};
        },
    .vjp =
        [](Vjp& v) {
          // The gradient of `sums` comes when this derivative is differentiated, which reads them.
          Tensor g = v.attr<bool>(3) ? v.grad(1) : Tensor();
          if (v.grad(0).defined()) {
            const Tensor sums = v.attr<bool>(3) ? v.out(1) : plait::linear(v.in(0), v.in(1), v.in(2));
            const Tensor through = plait::_gelu_backward(v.grad(0), sums, "tanh");
            g = g.defined() ? plait::add(g, through, 1) : through;
          }
          if (g.defined()) linear_vjp(v, g);
        },
    .save = "self, weight, bias, sums",
    .kind = Kind::Matmul,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& sums, const Tensor& self, const Tensor& weight,
           const Tensor& bias, bool keep) {
          NoGrad guard;
          cpu::linear(out, self, weight, bias);
          if (keep) cpu::copy(sums, out);
          plait::gelu_(out, "tanh");
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&, bool)> _addmm_activation{{
    .schema =
        "_addmm_activation(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1, bool "
        "use_gelu=False) -> Tensor",
    .doc =
        R"(relu(beta * self + alpha * (mat1 @ mat2)), or with use_gelu gelu(..., approximate='tanh'), on every device. With a
bias of one dimension and factors of 1 it is one kernel on a GPU.

Shapes: mat1 (m, k), mat2 (k, n), self broadcasts to (m, n). Dtypes: floats, all the same.

>>> plait._addmm_activation(plait.tensor([-5.0, 1.0]), plait.ones(1, 2), plait.ones(2, 2))
tensor([[0., 3.]]))",
    .composite =
        [](const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
           const Scalar& alpha, bool use_gelu) {
          // What does not fit is left to addmm, whose errors name these arguments.
          const bool fused = is_floating(mat1.dtype()) && mat1.dtype() == mat2.dtype() &&
                             mat1.dtype() == self.dtype() && mat1.dim() == 2 && mat2.dim() == 2 &&
                             mat1.sizes()[1] == mat2.sizes()[0] && self.dim() == 1 &&
                             self.sizes()[0] == mat2.sizes()[1] && beta.equals(1) && alpha.equals(1);
          if (!fused) {
            const Tensor sums = plait::addmm(self, mat1, mat2, beta, alpha);
            return use_gelu ? plait::gelu(sums, "tanh") : plait::relu(sums);
          }
          const Tensor weight = plait::t(mat2);
          if (!use_gelu) return plait::_linear_relu(mat1, weight, self);
          const bool keep =
              grad_enabled() && (self.requires_grad() || mat1.requires_grad() || mat2.requires_grad());
          return std::get<0>(plait::_linear_gelu(mat1, weight, self, keep));
        },
    .kind = Kind::Matmul,
}};

}  // namespace plait::op
