// Exponentials, logarithms, roots.
#include "ops/decl/exponential.h"
#include "ops/cpu/unary.h"
#include "ops/decl/power.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

using cpu::Explog;
using cpu::Unary;

namespace {

constexpr double kLn2 = 0.6931471805599453, kLn10 = 2.302585092994046;

}  // namespace

Op<Tensor(const Tensor&)> exp{{
    .schema = "exp(Tensor self) -> Tensor",
    .doc = R"(Elementwise exponential.

Dtypes: any; integers give the default float.

>>> plait.exp(plait.tensor([0.0, 1.0]))
tensor([1.0000, 2.7183]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(v.out())); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("exp", Explog::Exp, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> exp2{{
    .schema = "exp2(Tensor self) -> Tensor",
    .doc = R"(Elementwise power of two, 2^self.

Dtypes: any; integers give the default float.

>>> plait.exp2(plait.tensor([0.0, 3.0]))
tensor([1., 8.]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(v.out()) * kLn2); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("exp2", Explog::Exp2, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> expm1{{
    .schema = "expm1(Tensor self) -> Tensor",
    .doc = R"(Elementwise exp(self) - 1, accurate near zero.

Dtypes: any; integers give the default float.

>>> plait.expm1(plait.tensor([0.0, 1e-5]))
tensor([0.0000e+00, 1.0000e-05]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(v.out() + 1)); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("expm1", Explog::Expm1, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> log{{
    .schema = "log(Tensor self) -> Tensor",
    .doc = R"(Elementwise natural logarithm; NaN below zero, -inf at zero.

Dtypes: any; integers give the default float.

>>> plait.log(plait.tensor([1.0, 10.0]))
tensor([0.0000, 2.3026]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / conj_if_complex(v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("log", Explog::Log, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> log2{{
    .schema = "log2(Tensor self) -> Tensor",
    .doc = R"(Elementwise logarithm to base 2.

Dtypes: any; integers give the default float.

>>> plait.log2(plait.tensor([1.0, 8.0]))
tensor([0., 3.]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / (conj_if_complex(v.in(0)) * kLn2)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("log2", Explog::Log2, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> log10{{
    .schema = "log10(Tensor self) -> Tensor",
    .doc = R"(Elementwise logarithm to base 10.

Dtypes: any; integers give the default float.

>>> plait.log10(plait.tensor([1.0, 1000.0]))
tensor([0., 3.]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / (conj_if_complex(v.in(0)) * kLn10)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("log10", Explog::Log10, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> log1p{{
    .schema = "log1p(Tensor self) -> Tensor",
    .doc = R"(Elementwise log(1 + self), accurate near zero.

Dtypes: any; integers give the default float.

>>> plait.log1p(plait.tensor([0.0, 1e-5]))
tensor([0.0000e+00, 9.9999e-06]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / conj_if_complex(v.in(0) + 1)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("log1p", Explog::Log1p, out, self, nullptr, 4); },
}};

Op<Tensor(const Tensor&)> sqrt{{
    .schema = "sqrt(Tensor self) -> Tensor",
    .doc = R"(Elementwise square root; NaN below zero.

Dtypes: any; integers give the default float.

>>> plait.sqrt(plait.tensor([4.0, 2.0]))
tensor([2.0000, 1.4142]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() / conj_if_complex(v.out() * 2)); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("sqrt", Unary::Sqrt, out, self, nullptr, 2); },
}};

Op<Tensor(const Tensor&)> rsqrt{{
    .schema = "rsqrt(Tensor self) -> Tensor",
    .doc = R"(Elementwise 1 / sqrt(self).

Dtypes: any; integers give the default float.

>>> plait.rsqrt(plait.tensor([4.0, 1.0]))
tensor([0.5000, 1.0000]))",
    .meta = infer::unary_float,
    .vjp =
        [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(plait::pow(v.out(), wrapped_scalar(3)) * -0.5)); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("rsqrt", Unary::Rsqrt, out, self, nullptr, 2); },
}};

Op<Tensor(const Tensor&)> reciprocal{{
    .schema = "reciprocal(Tensor self) -> Tensor",
    .doc = R"(Elementwise 1 / self.

Dtypes: any; integers give the default float.

>>> plait.reciprocal(plait.tensor([4.0, 0.5]))
tensor([0.2500, 2.0000]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, -v.grad() * conj_if_complex(plait::square(v.out()))); },
    .save = "result",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("reciprocal", Unary::Reciprocal, out, self, nullptr, 2); },
}};

}  // namespace plait::op
