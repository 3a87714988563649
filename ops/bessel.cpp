// Bessel functions, and the error function's scaled and logarithmic relatives: ops/special_bessel.h has
// the numbers.
#include <cmath>

#include "ops/cpu/bessel.h"
#include "ops/cpu/in_double.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/bessel.h"
#include "ops/decl/compare.h"
#include "ops/decl/ternary.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/special_bessel.h"

namespace plait::op {
namespace {

using fn::Bessel;

constexpr double kTwoOverSqrtPi = 1.1283791670955126, kSqrtTwoOverPi = 0.7978845608028654;

// y / x, and `limit` where x is zero: where nothing of the derivative may be NaN.
Tensor over_argument_at_zero(const Tensor& y, const Tensor& x, double limit) {
  const Tensor zero = plait::eq(x, wrapped_scalar(0));
  return plait::masked_fill(y / plait::masked_fill(x, zero, wrapped_scalar(1)), zero, wrapped_scalar(limit));
}
// For functions that begin as x / 2.
Tensor over_argument(const Tensor& y, const Tensor& x) { return over_argument_at_zero(y, x, 0.5); }

void evaluate(Bessel f, const Tensor& out, const Tensor& self) {
  if (const Loop loop = cpu::bessel_table().at(f, out.dtype()))
    return cpu::pointwise("bessel", loop, out, self, out.dtype(), nullptr, 16);
  cpu::in_double([f](double x) { return special::evaluate(f, x); }, 64, out, self);
}

}  // namespace

Op<Tensor(const Tensor&)> i0{{
    .schema = "i0(Tensor self) -> Tensor",
    .doc = R"(Elementwise modified Bessel function of the first kind, of order 0 (DLMF 10.25).

Dtypes: real ones; integers give the default float.

>>> plait.i0(plait.tensor([0.0, 1.0]))
tensor([1.0000, 1.2661]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * plait::special_i1(v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::I0, out, self); },
}};

Op<Tensor(const Tensor&)> special_i0e{{
    .schema = "special_i0e(Tensor self) -> Tensor",
    .doc = R"(exp(-|self|) i0(self), which does not overflow; plait.special.i0e.

Dtypes: real ones; integers give the default float.

>>> plait.special.i0e(plait.tensor([0.0, 1.0]))
tensor([1.0000, 0.4658]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, v.grad() * (plait::special_i1e(x) - plait::sign(x) * v.out()));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::I0e, out, self); },
}};

Op<Tensor(const Tensor&)> special_i1{{
    .schema = "special_i1(Tensor self) -> Tensor",
    .doc = R"(Elementwise modified Bessel function of the first kind, of order 1; plait.special.i1.

Dtypes: real ones; integers give the default float.

>>> plait.special.i1(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.5652]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * (plait::i0(v.in(0)) - over_argument(v.out(), v.in(0)))); },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::I1, out, self); },
}};

Op<Tensor(const Tensor&)> special_i1e{{
    .schema = "special_i1e(Tensor self) -> Tensor",
    .doc = R"(exp(-|self|) i1(self), which does not overflow; plait.special.i1e.

Dtypes: real ones; integers give the default float.

>>> plait.special.i1e(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.2079]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, v.grad() * (plait::special_i0e(x) - over_argument(v.out(), x) - plait::sign(x) * v.out()));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::I1e, out, self); },
}};

Op<Tensor(const Tensor&)> special_bessel_j0{{
    .schema = "special_bessel_j0(Tensor self) -> Tensor",
    .doc = R"(Elementwise Bessel function of the first kind, of order 0 (DLMF 10.2); plait.special.bessel_j0.

Dtypes: real ones; integers give the default float.

>>> plait.special.bessel_j0(plait.tensor([0.0, 1.0]))
tensor([1.0000, 0.7652]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, -(v.grad() * plait::special_bessel_j1(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::J0, out, self); },
}};

Op<Tensor(const Tensor&)> special_bessel_j1{{
    .schema = "special_bessel_j1(Tensor self) -> Tensor",
    .doc = R"(Elementwise Bessel function of the first kind, of order 1; plait.special.bessel_j1.

Dtypes: real ones; integers give the default float.

>>> plait.special.bessel_j1(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.4401]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, v.grad() * (plait::special_bessel_j0(x) - over_argument(v.out(), x)));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::J1, out, self); },
}};

Op<Tensor(const Tensor&)> special_bessel_y0{{
    .schema = "special_bessel_y0(Tensor self) -> Tensor",
    .doc =
        R"(Elementwise Bessel function of the second kind, of order 0; NaN below 0. plait.special.bessel_y0.

Dtypes: real ones; integers give the default float.

>>> plait.special.bessel_y0(plait.tensor([1.0, 2.0]))
tensor([0.0883, 0.5104]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, -(v.grad() * plait::special_bessel_y1(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::Y0, out, self); },
}};

Op<Tensor(const Tensor&)> special_bessel_y1{{
    .schema = "special_bessel_y1(Tensor self) -> Tensor",
    .doc =
        R"(Elementwise Bessel function of the second kind, of order 1; NaN below 0. plait.special.bessel_y1.

Dtypes: real ones; integers give the default float.

>>> plait.special.bessel_y1(plait.tensor([1.0, 2.0]))
tensor([-0.7812, -0.1070]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, v.grad() * (plait::special_bessel_y0(x) - v.out() / x));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::Y1, out, self); },
}};

Op<Tensor(const Tensor&)> special_modified_bessel_k0{{
    .schema = "special_modified_bessel_k0(Tensor self) -> Tensor",
    .doc = R"(Elementwise modified Bessel function of the second kind, of order 0; NaN below 0.
plait.special.modified_bessel_k0.

Dtypes: real ones; integers give the default float.

>>> plait.special.modified_bessel_k0(plait.tensor([1.0, 2.0]))
tensor([0.4210, 0.1139]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, -(v.grad() * plait::special_modified_bessel_k1(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::K0, out, self); },
}};

Op<Tensor(const Tensor&)> special_modified_bessel_k1{{
    .schema = "special_modified_bessel_k1(Tensor self) -> Tensor",
    .doc = R"(Elementwise modified Bessel function of the second kind, of order 1; NaN below 0.
plait.special.modified_bessel_k1.

Dtypes: real ones; integers give the default float.

>>> plait.special.modified_bessel_k1(plait.tensor([1.0, 2.0]))
tensor([0.6019, 0.1399]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, -v.grad() * (plait::special_modified_bessel_k0(x) + v.out() / x));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::K1, out, self); },
}};

Op<Tensor(const Tensor&)> special_scaled_modified_bessel_k0{{
    .schema = "special_scaled_modified_bessel_k0(Tensor self) -> Tensor",
    .doc = R"(exp(self) times modified_bessel_k0(self), which does not underflow.
plait.special.scaled_modified_bessel_k0.

Dtypes: real ones; integers give the default float.

>>> plait.special.scaled_modified_bessel_k0(plait.tensor([1.0, 2.0]))
tensor([1.1445, 0.8416]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * (v.out() - plait::special_scaled_modified_bessel_k1(v.in(0)))); },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::K0e, out, self); },
}};

Op<Tensor(const Tensor&)> special_scaled_modified_bessel_k1{{
    .schema = "special_scaled_modified_bessel_k1(Tensor self) -> Tensor",
    .doc = R"(exp(self) times modified_bessel_k1(self), which does not underflow.
plait.special.scaled_modified_bessel_k1.

Dtypes: real ones; integers give the default float.

>>> plait.special.scaled_modified_bessel_k1(plait.tensor([1.0, 2.0]))
tensor([1.6362, 1.0335]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, v.grad() * (v.out() - v.out() / x - plait::special_scaled_modified_bessel_k0(x)));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::K1e, out, self); },
}};

Op<Tensor(const Tensor&)> special_spherical_bessel_j0{{
    .schema = "special_spherical_bessel_j0(Tensor self) -> Tensor",
    .doc = R"(Elementwise spherical Bessel function of the first kind, of order 0: sin(self) / self, 1 at 0.
plait.special.spherical_bessel_j0.

Dtypes: real ones; integers give the default float.

>>> plait.special.spherical_bessel_j0(plait.tensor([0.0, 1.0]))
tensor([1.0000, 0.8415]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0);
          v.set(0, v.grad() * over_argument_at_zero(plait::cos(x) - v.out(), x, 0));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::SphericalJ0, out, self); },
}};

Op<Tensor(const Tensor&)> special_erfcx{{
    .schema = "special_erfcx(Tensor self) -> Tensor",
    .doc = R"(exp(self^2) erfc(self), which does not underflow; plait.special.erfcx.

Dtypes: real ones; integers give the default float.

>>> plait.special.erfcx(plait.tensor([0.0, 10.0]))
tensor([1.0000, 0.0561]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          v.set(0, v.grad() * (wrapped_scalar(2) * v.in(0) * v.out() - wrapped_scalar(kTwoOverSqrtPi)));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::Erfcx, out, self); },
}};

Op<Tensor(const Tensor&)> special_log_ndtr{{
    .schema = "special_log_ndtr(Tensor self) -> Tensor",
    .doc =
        R"(The logarithm of the normal distribution's cumulative function, without underflow; plait.special.log_ndtr.

Dtypes: real ones; integers give the default float.

>>> plait.special.log_ndtr(plait.tensor([0.0, -5.0]))
tensor([ -0.6931, -15.0650]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor scaled = plait::special_erfcx(v.in(0) * wrapped_scalar(-M_SQRT1_2));
          v.set(0, v.grad() * wrapped_scalar(kSqrtTwoOverPi) / scaled);
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::None,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { evaluate(Bessel::LogNdtr, out, self); },
}};

}  // namespace plait::op
