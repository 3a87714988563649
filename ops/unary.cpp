// Signs, roundings, squares.
#include "ops/cpu/unary.h"

#include <cmath>

#include "ops/cpu/complex.h"
#include "ops/decl/compare.h"
#include "ops/decl/complex.h"
#include "ops/decl/create.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/dtype_limits.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::Unary;

void zero_gradient(Vjp& v) { v.set(0, plait::zeros_like(v.grad())); }

// Integers are whole already.
void round_by(const char* op, Unary f, const Tensor& out, const Tensor& self) {
  if (!is_integral(self.dtype(), true)) return cpu::unary(op, f, out, self);
  if (out.data_ptr() != self.data_ptr()) copy_into(out, self);
}

void nan_to_num_into(const Tensor& out, const Tensor& self, std::optional<double> nan,
                     std::optional<double> posinf, std::optional<double> neginf) {
  const DType d = self.dtype();
  if (is_complex(d))  // part by part
    return nan_to_num_into(plait::view_as_real(detached_alias(out)),
                           plait::view_as_real(detached_alias(self)), nan, posinf, neginf);
  if (is_integral(d, true)) {
    if (out.data_ptr() != self.data_ptr()) copy_into(out, self);
    return;
  }
  const double largest = largest_number(d);
  const cpu::Params params{nan.value_or(0), posinf.value_or(largest), neginf.value_or(-largest)};
  cpu::unary("nan_to_num", Unary::NanToNum, out, self, &params);
}

}  // namespace

Op<Tensor(const Tensor&)> neg{{
    .schema = "neg(Tensor self) -> Tensor",
    .doc = R"(Elementwise -self.

Dtypes: any but bool.

>>> plait.neg(plait.tensor([1.0, -2.0]))
tensor([-1.,  2.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, -v.grad()); },
    .kind = Kind::Pointwise,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("neg", Unary::Neg, out, self); },
}};

Op<Tensor(const Tensor&)> positive{{
    .schema = "positive(Tensor self) -> Tensor",
    .doc = R"(self as it is. Dtypes: any but bool.

>>> plait.positive(plait.tensor([1.0, -2.0]))
tensor([ 1., -2.]))",
    .composite =
        [](const Tensor& self) {
          check<TypeError>(self.dtype() != DType::Bool,
                           "positive: not defined for bool tensors; convert with .to(plait.int64)");
          return self;
        },
    .kind = Kind::Pointwise,
}};

Op<Tensor(const Tensor&)> abs{{
    .schema = "abs(Tensor self) -> Tensor",
    .doc = R"(Elementwise absolute value; of a complex number its modulus, which is real.

Dtypes: any but bool.

>>> plait.abs(plait.tensor([1.0, -2.0]))
tensor([1., 2.]))",
    .meta = [](const Tensor& self) { return infer::like(self, to_real(self.dtype())); },
    .vjp = [](Vjp& v) { v.set(0, v.grad() * plait::sgn(v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          if (is_complex(self.dtype())) return cpu::modulus(out, self);
          cpu::unary("abs", Unary::Abs, out, self);
        },
}};

Op<Tensor(const Tensor&)> sign{{
    .schema = "sign(Tensor self) -> Tensor",
    .doc = R"(Elementwise sign: -1, 0 or 1.

Dtypes: real ones; complex: sgn.

>>> plait.sign(plait.tensor([3.0, 0.0, -2.0]))
tensor([ 1.,  0., -1.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { zero_gradient(v); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("sign", Unary::Sign, out, self); },
}};

Op<Tensor(const Tensor&)> sgn{{
    .schema = "sgn(Tensor self) -> Tensor",
    .doc = R"(Elementwise sign; of a complex number self / |self|, and zero at zero.

>>> plait.sgn(plait.tensor([3 + 4j, 0j]))
tensor([0.6000+0.8000j, 0.0000+0.0000j]))",
    .composite =
        [](const Tensor& self) {
          if (!is_complex(self.dtype())) return plait::sign(self);
          const Tensor length = plait::abs(self);
          return self / plait::masked_fill(length, plait::eq(length, wrapped_scalar(0)), wrapped_scalar(1));
        },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> square{{
    .schema = "square(Tensor self) -> Tensor",
    .doc = R"(Elementwise self * self.

Dtypes: any; bool gives int64.

>>> plait.square(plait.tensor([1.0, -2.0]))
tensor([1., 4.]))",
    .meta =
        [](const Tensor& self) {
          return infer::like(self, self.dtype() == DType::Bool ? DType::Int64 : self.dtype());
        },
    .vjp = [](Vjp& v) { v.set(0, v.grad() * conj_if_complex(v.in(0) * 2)); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kAnyDType,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("square", Unary::Square, out, self); },
}};

Op<Tensor(const Tensor&)> floor{{
    .schema = "floor(Tensor self) -> Tensor",
    .doc = R"(Elementwise largest integer not above self.

Dtypes: real ones but bool; integers stay as they are. Gradient: zero.

>>> plait.floor(plait.tensor([-0.5, 1.5]))
tensor([-1.,  1.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { zero_gradient(v); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes & ~1,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { round_by("floor", Unary::Floor, out, self); },
}};

Op<Tensor(const Tensor&)> ceil{{
    .schema = "ceil(Tensor self) -> Tensor",
    .doc = R"(Elementwise smallest integer not below self.

Dtypes: real ones but bool; integers stay as they are. Gradient: zero.

>>> plait.ceil(plait.tensor([-0.5, 1.5]))
tensor([-0.,  2.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { zero_gradient(v); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes & ~1,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { round_by("ceil", Unary::Ceil, out, self); },
}};

Op<Tensor(const Tensor&)> trunc{{
    .schema = "trunc(Tensor self) -> Tensor",
    .doc = R"(Elementwise integer part of self, towards zero.

Dtypes: real ones but bool; integers stay as they are. Gradient: zero.

>>> plait.trunc(plait.tensor([-0.5, 1.5]))
tensor([-0.,  1.]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { zero_gradient(v); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes & ~1,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { round_by("trunc", Unary::Trunc, out, self); },
}};

Op<Tensor(const Tensor&, int64_t)> round{{
    .schema = "round(Tensor self, *, int decimals=0) -> Tensor",
    .doc =
        R"(Elementwise rounding to the nearest integer, or to a number of decimals (of digits before the point where negative). Halves
go to the even neighbour.

Dtypes: real ones but bool; integers stay as they are. Gradient: zero.

>>> plait.round(plait.tensor([0.5, 1.5, -1.2]))
tensor([ 0.,  2., -1.]))",
    .meta = [](const Tensor& self, int64_t) { return infer::like(self); },
    .vjp = zero_gradient,
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes & ~1,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t decimals) {
          if (decimals == 0 || is_integral(self.dtype())) return round_by("round", Unary::Round, out, self);
          const cpu::Params params{std::pow(10.0, std::abs(static_cast<double>(decimals))), decimals < 0};
          cpu::unary("round", Unary::RoundDecimals, out, self, &params, 4);
        },
}};

Op<Tensor(const Tensor&)> frac{{
    .schema = "frac(Tensor self) -> Tensor",
    .doc = R"(Elementwise fractional part, self - trunc(self).

Dtypes: floating.

>>> plait.frac(plait.tensor([1.5, -2.25]))
tensor([ 0.5000, -0.2500]))",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("frac", Unary::Frac, out, self); },
}};

Op<Tensor(const Tensor&, std::optional<double>, std::optional<double>, std::optional<double>)> nan_to_num{{
    .schema = "nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
    .doc =
        R"(Elementwise self with NaN replaced (by zero) and the infinities (by the largest and the lowest number of the dtype).

Integers stay as they are; of complex numbers each part is replaced by itself.

>>> plait.nan_to_num(plait.tensor([plait.nan, 1.0]))
tensor([0., 1.]))",
    .meta = [](const Tensor& self, std::optional<double>, std::optional<double>,
               std::optional<double>) { return infer::like(self); },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::masked_fill(v.grad(), plait::logical_not(plait::isfinite(v.in(0))),
                                      wrapped_scalar(0)));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = static_cast<DTypeSet>(kRealDTypes | kComplexDTypes),
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = nan_to_num_into,
}};

}  // namespace plait::op
