// Functions of two numbers around the gamma function: ops/special_math.h has the numbers.
#include "ops/decl/gamma.h"
#include "core/strided_iter.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/pointwise.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/exponential.h"
#include "ops/decl/special.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/special_math.h"

namespace plait {
namespace cpu {
namespace {

void evaluate(fn::GammaPair f, const Tensor& out, const Tensor& self, const Tensor& other) {
  const Tensor a = converted(self, out.dtype()), b = converted(other, out.dtype());
  StridedIter iter;
  iter.output(out);
  iter.input(a);
  iter.input(b);
  iter.build();
  visit(out.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<compute_t<T>>)
      iter.run(
          [](char* const* data, const int64_t* strides, int64_t count, const void* given) {
            const fn::GammaPair function = *static_cast<const fn::GammaPair*>(given);
            const auto number = [](const char* p) {
              return static_cast<double>(static_cast<compute_t<T>>(*reinterpret_cast<const T*>(p)));
            };
            for (int64_t i = 0; i < count; ++i) {
              const double y = special::evaluate(function, number(data[1] + i * strides[1]),
                                                 number(data[2] + i * strides[2]));
              *reinterpret_cast<T*>(data[0] + i * strides[0]) = static_cast<T>(static_cast<compute_t<T>>(y));
            }
          },
          &f, 256);
  });
}

}  // namespace
}  // namespace cpu

namespace op {

using fn::GammaPair;

namespace {

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
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::binary_float("special_zeta", self, other); },
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
              const Tensor& other) { cpu::evaluate(GammaPair::Zeta, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> igamma{{
    .schema = "igamma(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise regularised lower incomplete gamma function P(self, other) (DLMF 8.2.4). Differentiable with
respect to other.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.igamma(plait.tensor([1.0, 4.0]), plait.tensor([1.0, 5.0]))
tensor([0.6321, 0.7350]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::binary_float("igamma", self, other); },
    .vjp = [](Vjp& v) { incomplete_gamma_vjp("igamma", v, v.grad()); },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::evaluate(GammaPair::Igamma, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> igammac{{
    .schema = "igammac(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise regularised upper incomplete gamma function Q(self, other) = 1 - P(self, other), without
cancellation. Differentiable with respect to other.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.igammac(plait.tensor([1.0, 4.0]), plait.tensor([1.0, 5.0]))
tensor([0.3679, 0.2650]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::binary_float("igammac", self, other); },
    .vjp = [](Vjp& v) { incomplete_gamma_vjp("igammac", v, -v.grad()); },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::evaluate(GammaPair::Igammac, out, self, other); },
}};

}  // namespace op
}  // namespace plait
