// Powers, extremes, and other functions of two tensors.
#include "ops/decl/power.h"
#include "ops/complex_forms.h"
#include "ops/cpu/binary.h"
#include "ops/decl/activation.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/exponential.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/next_float.h"

namespace plait::op {
namespace {

using cpu::BinaryMath;
using cpu::MinMax;

Tensor zero_number() { return wrapped_scalar(0); }

// Of equal elements each gets half of the gradient.
void extreme_vjp(Vjp& v, const Tensor& first_wins) {
  const Tensor tie = plait::eq(v.in(0), v.in(1));
  const Tensor share = plait::where(tie, v.grad() * 0.5, v.grad());
  if (v.needs(0)) v.set(0, plait::where(plait::logical_or(first_wins, tie), share, zero_number()));
  if (v.needs(1)) v.set(1, plait::where(first_wins, zero_number(), share));
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&)> pow{{
    .schema = "pow(Tensor self, Tensor exponent) -> Tensor",
    .doc = R"(Elementwise self to the power of exponent.

Shapes: broadcast together. Dtypes: any but bool, promoted. Raises RuntimeError for an integer to the power of a negative integer.

>>> plait.pow(plait.tensor([2.0, 3.0]), 2)
tensor([4., 9.]))",
    .meta =
        [](const Tensor& self, const Tensor& exponent) {
          const TensorSpec spec = infer::binary("pow", self, exponent);
          check<TypeError>(spec.dtype != DType::Bool,
                           "pow: not defined for bool tensors; convert with .to(plait.int64)");
          return spec;
        },
    .vjp =
        [](Vjp& v) {
          const Tensor exponent = v.in(1);
          if (v.needs(0)) {
            // For one exponent of all elements the factor is folded into it.
            if (!v.needs(1) && exponent.dim() == 0 && exponent.is_cpu() && !exponent.is_batched() &&
                !is_complex(exponent.dtype())) {
              const double e = item(exponent).to<double>();
              const Tensor self = v.in(0);
              if (e == 0)
                v.set(0, plait::zeros_like(v.grad()));
              else if (e == 1)
                v.set(0, v.grad());
              else if (e == 2)
                v.set(0, v.grad() * conj_if_complex(self * 2));
              else
                v.set(0, v.grad() * conj_if_complex(plait::pow(self, wrapped_scalar(e - 1)) * e));
            } else {
              const Tensor slope = exponent * plait::pow(v.in(0), exponent - 1);
              v.set(0, v.grad() * conj_if_complex(plait::where(plait::eq(exponent, zero_number()),
                                                               zero_number(), slope)));
            }
          }
          if (v.needs(1)) {
            const Tensor self = v.in(0);
            const Tensor slope = plait::pow(self, exponent) * plait::log(self);
            Tensor flat =
                plait::eq(self, zero_number());  // 0^x is 0 for all x > 0 nearby, and its limit at 0
            if (!is_complex(exponent.dtype()))
              flat = plait::logical_and(flat, plait::ge(exponent, zero_number()));
            v.set(1, v.grad() * conj_if_complex(plait::where(flat, zero_number(), slope)));
          }
        },
    .save = "self, exponent",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = cpu::power,
}};

Op<Tensor(const Scalar&, const Tensor&)> pow_Scalar{{
    .schema = "pow.Scalar(Scalar self, Tensor exponent) -> Tensor",
    .doc = R"(A number to the power of each element of exponent.

>>> plait.pow(2, plait.tensor([1.0, 3.0]))
tensor([2., 8.]))",
    .composite = [](const Scalar& self,
                    const Tensor& exponent) { return plait::pow(wrapped_scalar(self), exponent); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> maximum{{
    .schema = "maximum(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise larger of self and other; NaN comes through. Of equal elements each gets half of the gradient.

Shapes: broadcast together. Dtypes: real ones, promoted.

>>> plait.maximum(plait.tensor([1, 5]), plait.tensor([3, 4]))
tensor([3, 5]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("maximum", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor a = v.in(0), b = v.in(1);
          extreme_vjp(v, plait::logical_or(plait::gt(a, b), plait::isnan(a)));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::min_max("maximum", MinMax::Maximum, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> minimum{{
    .schema = "minimum(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise smaller of self and other; NaN comes through. Of equal elements each gets half of the gradient.

Shapes: broadcast together. Dtypes: real ones, promoted.

>>> plait.minimum(plait.tensor([1, 5]), plait.tensor([3, 4]))
tensor([1, 4]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("minimum", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor a = v.in(0), b = v.in(1);
          extreme_vjp(v, plait::logical_or(plait::lt(a, b), plait::isnan(a)));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::min_max("minimum", MinMax::Minimum, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> fmax{{
    .schema = "fmax(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise larger of self and other; of NaN and a number, the number.

Shapes: broadcast together. Dtypes: real ones, promoted.

>>> plait.fmax(plait.tensor([1, 5]), plait.tensor([3, 4]))
tensor([3, 5]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("fmax", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor a = v.in(0), b = v.in(1);
          const Tensor first = plait::logical_or(plait::ge(a, b), plait::isnan(b));
          if (v.needs(0)) v.set(0, plait::where(first, v.grad(), zero_number()));
          if (v.needs(1)) v.set(1, plait::where(first, zero_number(), v.grad()));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::min_max("fmax", MinMax::Fmax, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> fmin{{
    .schema = "fmin(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise smaller of self and other; of NaN and a number, the number.

Shapes: broadcast together. Dtypes: real ones, promoted.

>>> plait.fmin(plait.tensor([1, 5]), plait.tensor([3, 4]))
tensor([1, 4]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("fmin", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor a = v.in(0), b = v.in(1);
          const Tensor first = plait::logical_or(plait::le(a, b), plait::isnan(b));
          if (v.needs(0)) v.set(0, plait::where(first, v.grad(), zero_number()));
          if (v.needs(1)) v.set(1, plait::where(first, zero_number(), v.grad()));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::min_max("fmin", MinMax::Fmin, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> atan2{{
    .schema = "atan2(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise angle of the point (other, self) in the plane, in radians, from -pi to pi.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.atan2(plait.tensor([1.0, -1.0]), plait.tensor([1.0, 0.0]))
tensor([ 0.7854, -1.5708]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary_float("atan2", self, other); },
    .vjp =
        [](Vjp& v) {
          const DType dtype = v.grad().dtype();
          const auto real = [&](const Tensor& t) {  // of integers a square may overflow
            return is_integral(t.dtype(), true) ? plait::_convert(t, dtype) : t;
          };
          const Tensor y = real(v.in(0)), x = real(v.in(1)), squares = plait::square(y) + plait::square(x),
                       // 1 in place of 0: the gradient at the origin is 0
              scale = v.grad() / (squares + plait::eq(squares, wrapped_scalar(0)));
          if (v.needs(0)) v.set(0, scale * x);
          if (v.needs(1)) v.set(1, scale * -y);
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("atan2", BinaryMath::Atan2, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> hypot{{
    .schema = "hypot(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise sqrt(self^2 + other^2), without overflow.

Shapes: broadcast together. Dtypes: floating, promoted.

>>> plait.hypot(plait.tensor([3.0]), plait.tensor([4.0]))
tensor([5.]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("hypot", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor scale = v.grad() / v.out();
          if (v.needs(0)) v.set(0, scale * v.in(0));
          if (v.needs(1)) v.set(1, scale * v.in(1));
        },
    .save = "self if self, other if other, result",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("hypot", BinaryMath::Hypot, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> logaddexp{{
    .schema = "logaddexp(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise log(exp(self) + exp(other)), without overflow.

Shapes: broadcast together. Dtypes: floating and complex, promoted.

>>> plait.logaddexp(plait.tensor([0.0]), plait.tensor([0.0]))
tensor([0.6931]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("logaddexp", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor a = v.in(0), b = v.in(1);
          if (v.needs(0)) v.set(0, v.grad() * conj_if_complex(plait::sigmoid(a - b)));
          if (v.needs(1)) v.set(1, v.grad() * conj_if_complex(plait::sigmoid(b - a)));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kFloatComplex,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other) {
          if (is_complex(out.dtype())) return complex_forms::logaddexp(out, self, other);
          cpu::binary("logaddexp", BinaryMath::LogAddExp, out, self, other);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> logaddexp2{{
    .schema = "logaddexp2(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise log2(2^self + 2^other), without overflow.

Shapes: broadcast together. Dtypes: floating, promoted.

>>> plait.logaddexp2(plait.tensor([1000.0]), plait.tensor([1000.0]))
tensor([1001.]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("logaddexp2", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor difference = (v.in(0) - v.in(1)) * wrapped_scalar(M_LN2);
          if (v.needs(0)) v.set(0, v.grad() * plait::sigmoid(difference));
          if (v.needs(1)) v.set(1, v.grad() * plait::sigmoid(-difference));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("logaddexp2", BinaryMath::LogAddExp2, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> nextafter{{
    .schema = "nextafter(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(The floating-point numbers next to self, towards other. The derivative is that of self: what is added to it
counts as a constant.

Shapes: broadcast together. Dtypes: floating, promoted.

>>> plait.nextafter(plait.tensor(1.0), plait.tensor(2.0)) - 1
tensor(1.1921e-07))",
    .meta =
        [](const Tensor& self, const Tensor& other) {
          const TensorSpec spec = infer::binary("nextafter", self, other);
          check<TypeError>(is_floating(spec.dtype), "nextafter: expected floats, got {} and {}; use .float()",
                           self.dtype(), other.dtype());
          return spec;
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(1)) v.set(1, plait::zeros_like(v.grad()));
        },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other) {
          if (itemsize(out.dtype()) == 2) return next_16_bit_float(out, self, other);
          cpu::binary("nextafter", BinaryMath::NextAfter, out, self, other);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> copysign{{
    .schema = "copysign(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self with the sign of other.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.copysign(plait.tensor([1.0, -2.0]), -0.0)
tensor([-1., -2.]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::binary_float("copysign", self, other); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0))
            v.set(0, v.grad() * plait::sign(v.in(0)) * plait::copysign(plait::ones_like(v.in(0)), v.in(1)));
          if (v.needs(1)) v.set(1, plait::zeros_like(v.grad()));
        },
    .save = "self if self, other if self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("copysign", BinaryMath::CopySign, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> heaviside{{
    .schema = "heaviside(Tensor self, Tensor values) -> Tensor",
    .doc =
        R"(Elementwise 0 where self is negative (or NaN), `values` where it is zero, 1 where it is positive. Gradient: none.

Shapes: broadcast together. Dtypes: real ones, promoted.

>>> plait.heaviside(plait.tensor([-1.0, 0.0, 2.0]), plait.tensor(0.5))
tensor([0.0000, 0.5000, 1.0000]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("heaviside", self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("heaviside", BinaryMath::Heaviside, out, self, other); },
}};

}  // namespace plait::op
