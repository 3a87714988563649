// Trigonometric and hyperbolic functions and their inverses.
#include "ops/decl/trigonometric.h"

#include <cmath>

#include "ops/cpu/unary.h"
#include "ops/decl/activation_grad.h"
#include "ops/decl/compare.h"
#include "ops/decl/exponential.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

using cpu::Trig;

namespace {

constexpr double kRadians = 0.017453292519943295, kDegrees = 57.29577951308232;

}  // namespace

Op<Tensor(const Tensor&)> sin{{
    .schema = "sin(Tensor self) -> Tensor",
    .doc = R"(Elementwise sine; radians.

Dtypes: any; integers give the default float.

>>> plait.sin(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.8415]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::cos(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("sin", Trig::Sin, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> cos{{
    .schema = "cos(Tensor self) -> Tensor",
    .doc = R"(Elementwise cosine; radians.

Dtypes: any; integers give the default float.

>>> plait.cos(plait.tensor([0.0, 1.0]))
tensor([1.0000, 0.5403]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, -v.grad() * conj_if_complex(plait::sin(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("cos", Trig::Cos, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> tan{{
    .schema = "tan(Tensor self) -> Tensor",
    .doc = R"(Elementwise tangent; radians.

Dtypes: any; integers give the default float.

>>> plait.tan(plait.tensor([0.0, 1.0]))
tensor([0.0000, 1.5574]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::square(v.out()) + 1)); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("tan", Trig::Tan, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> sinc{{
    .schema = "sinc(Tensor self) -> Tensor",
    .doc = R"(Elementwise sin(pi self) / (pi self), and 1 at 0.

Dtypes: any; integers give the default float.

>>> plait.sinc(plait.tensor([0.0, 0.5]))
tensor([1.0000, 0.6366]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0), zero = plait::eq(x, wrapped_scalar(0));
          const Tensor slope = (plait::cos(x * wrapped_scalar(M_PI)) - v.out()) /
                               plait::masked_fill(x, zero, wrapped_scalar(1));
          v.set(0, v.grad() * conj_if_complex(plait::masked_fill(slope, zero, wrapped_scalar(0))));
        },
    .save = "self, result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("sinc", Trig::Sinc, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> asin{{
    .schema = "asin(Tensor self) -> Tensor",
    .doc = R"(Elementwise arc sine, in radians; NaN outside of [-1, 1].

Dtypes: any; integers give the default float.

>>> plait.asin(plait.tensor([0.0, 1.0]))
tensor([0.0000, 1.5708]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::rsqrt(1 - plait::square(v.in(0))))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("asin", Trig::Asin, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> acos{{
    .schema = "acos(Tensor self) -> Tensor",
    .doc = R"(Elementwise arc cosine, in radians; NaN outside of [-1, 1].

Dtypes: any; integers give the default float.

>>> plait.acos(plait.tensor([0.0, 1.0]))
tensor([1.5708, 0.0000]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, -v.grad() * conj_if_complex(plait::rsqrt(1 - plait::square(v.in(0))))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("acos", Trig::Acos, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> atan{{
    .schema = "atan(Tensor self) -> Tensor",
    .doc = R"(Elementwise arc tangent, in radians.

Dtypes: any; integers give the default float.

>>> plait.atan(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.7854]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / conj_if_complex(plait::square(v.in(0)) + 1)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("atan", Trig::Atan, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> sinh{{
    .schema = "sinh(Tensor self) -> Tensor",
    .doc = R"(Elementwise hyperbolic sine.

Dtypes: any; integers give the default float.

>>> plait.sinh(plait.tensor([0.0, 1.0]))
tensor([0.0000, 1.1752]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::cosh(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("sinh", Trig::Sinh, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> cosh{{
    .schema = "cosh(Tensor self) -> Tensor",
    .doc = R"(Elementwise hyperbolic cosine.

Dtypes: any; integers give the default float.

>>> plait.cosh(plait.tensor([0.0, 1.0]))
tensor([1.0000, 1.5431]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::sinh(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("cosh", Trig::Cosh, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> tanh{{
    .schema = "tanh(Tensor self) -> Tensor",
    .doc = R"(Elementwise hyperbolic tangent.

Dtypes: any; integers give the default float.

>>> plait.tanh(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.7616]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, plait::_tanh_backward(v.grad(), v.out())); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("tanh", Trig::Tanh, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> asinh{{
    .schema = "asinh(Tensor self) -> Tensor",
    .doc = R"(Elementwise inverse hyperbolic sine.

Dtypes: any; integers give the default float.

>>> plait.asinh(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.8814]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::rsqrt(plait::square(v.in(0)) + 1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("asinh", Trig::Asinh, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> acosh{{
    .schema = "acosh(Tensor self) -> Tensor",
    .doc = R"(Elementwise inverse hyperbolic cosine; NaN below 1.

Dtypes: any; integers give the default float.

>>> plait.acosh(plait.tensor([1.0, 2.0]))
tensor([0.0000, 1.3170]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) {
          v.set(0, v.grad() * conj_if_complex(plait::rsqrt(v.in(0) - 1) * plait::rsqrt(v.in(0) + 1)));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("acosh", Trig::Acosh, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> atanh{{
    .schema = "atanh(Tensor self) -> Tensor",
    .doc = R"(Elementwise inverse hyperbolic tangent; NaN outside of [-1, 1].

Dtypes: any; integers give the default float.

>>> plait.atanh(plait.tensor([0.0, 0.5]))
tensor([0.0000, 0.5493]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / conj_if_complex(1 - plait::square(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("atanh", Trig::Atanh, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> deg2rad{{
    .schema = "deg2rad(Tensor self) -> Tensor",
    .doc = R"(Elementwise conversion of degrees to radians.

Dtypes: real ones; integers give the default float.

>>> plait.deg2rad(plait.tensor([180.0]))
tensor([3.1416]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * kRadians); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          const cpu::Params params{{kRadians}};
          cpu::unary("deg2rad", cpu::Unary::Scale, out, self, &params);
        },
}};

Op<Tensor(const Tensor&)> rad2deg{{
    .schema = "rad2deg(Tensor self) -> Tensor",
    .doc = R"(Elementwise conversion of radians to degrees.

Dtypes: real ones; integers give the default float.

>>> plait.rad2deg(plait.tensor([3.14159265]))
tensor([180.]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * kDegrees); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          const cpu::Params params{{kDegrees}};
          cpu::unary("rad2deg", cpu::Unary::Scale, out, self, &params);
        },
}};

}  // namespace plait::op
