// Functions of two numbers around the gamma function: ops/special_gamma.h has the numbers.
#include "ops/decl/gamma.h"
#include "ops/cpu/in_double.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/exponential.h"
#include "ops/decl/special.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/special_gamma.h"

namespace plait::op {

using fn::GammaPair;

namespace {

void evaluate(GammaPair f, const Tensor& out, const Tensor& self, const Tensor& other) {
  const double precision =
      out.dtype() == DType::Float64 ? special::kDoublePrecision : special::kFloatPrecision;
  cpu::in_double([=](double a, double b) { return special::evaluate(f, a, b, precision); }, 256, out, self,
                 other);
}

TensorSpec result_of(const char* op, const Tensor& self, const Tensor& other) {
  check<TypeError>(!is_complex(other.dtype()), "{}: expected other of a real dtype, got {}; use other.real",
                   op, other.dtype());
  return infer::binary_float(op, self, other);
}

// `g`: the gradient, with the sign of the derivative.
void incomplete_gamma_vjp(const char* op, Vjp& v, const Tensor& g) {
  check<NotImplementedError>(
      !v.needs(0), "{}: the derivative with respect to self, the order, is not implemented; detach() it", op);
  if (!v.needs(1)) return;
  const Tensor a = v.in(0), x = v.in(1);
  v.set(1, g * plait::exp(plait::xlogy(a - wrapped_scalar(1), x) - x - plait::lgamma(a)));
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&)> special_zeta{{
    .schema = "special_zeta(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise Hurwitz zeta function, the sum of (other + k)^-self over k = 0, 1, ... (DLMF 25.11);
plait.special.zeta. Differentiable with respect to other.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.special.zeta(plait.tensor([2.0]), plait.tensor([1.0]))
tensor([1.6449]))",
    .meta = [](const Tensor& self, const Tensor& other) { return result_of("special_zeta", self, other); },
    .vjp =
        [](Vjp& v) {
          check<NotImplementedError>(
              !v.needs(0),
              "special.zeta: the derivative with respect to self, the exponent, is not "
              "implemented; detach() it");
          const Tensor s = v.in(0);
          if (v.needs(1)) v.set(1, -v.grad() * s * plait::special_zeta(s + wrapped_scalar(1), v.in(1)));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { evaluate(GammaPair::Zeta, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> igamma{{
    .schema = "igamma(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise regularised lower incomplete gamma function P(self, other) (DLMF 8.2.4). Differentiable with
respect to other.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.igamma(plait.tensor([1.0, 4.0]), plait.tensor([1.0, 5.0]))
tensor([0.6321, 0.7350]))",
    .meta = [](const Tensor& self, const Tensor& other) { return result_of("igamma", self, other); },
    .vjp = [](Vjp& v) { incomplete_gamma_vjp("igamma", v, v.grad()); },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { evaluate(GammaPair::Igamma, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> igammac{{
    .schema = "igammac(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise regularised upper incomplete gamma function Q(self, other) = 1 - P(self, other), without
cancellation. Differentiable with respect to other.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.igammac(plait.tensor([1.0, 4.0]), plait.tensor([1.0, 5.0]))
tensor([0.3679, 0.2650]))",
    .meta = [](const Tensor& self, const Tensor& other) { return result_of("igammac", self, other); },
    .vjp = [](Vjp& v) { incomplete_gamma_vjp("igammac", v, -v.grad()); },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { evaluate(GammaPair::Igammac, out, self, other); },
}};

}  // namespace plait::op
