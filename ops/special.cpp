// Special functions.
#include <cmath>

#include "ops/cpu/binary.h"
#include "ops/cpu/polygamma.h"
#include "ops/cpu/unary.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/special.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/special_gamma.h"

namespace plait::op {

using cpu::Special;

namespace {

constexpr double kTwoOverSqrtPi = 1.1283791670955126, kSqrtPiOverTwo = 0.8862269254527580;

// Of integers, numbers among them, the logarithm has the default dtype, which may be less than the
// gradient's.
Tensor as_float(const Tensor& t, DType dtype) {
  return is_integral(t.dtype(), true) ? plait::_convert(t, dtype) : t;
}

}  // namespace

Op<Tensor(const Tensor&)> erf{{
    .schema = "erf(Tensor self) -> Tensor",
    .doc = R"(Elementwise error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to self.

Dtypes: real ones; integers give the default float.

>>> plait.erf(plait.tensor([0.0, 1.0]))
tensor([0.0000, 0.8427]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * kTwoOverSqrtPi * plait::exp(-plait::square(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("erf", Special::Erf, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> erfc{{
    .schema = "erfc(Tensor self) -> Tensor",
    .doc = R"(Elementwise complementary error function, 1 - erf(self) without cancellation.

Dtypes: real ones; integers give the default float.

>>> plait.erfc(plait.tensor([0.0, 1.0]))
tensor([1.0000, 0.1573]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * -kTwoOverSqrtPi * plait::exp(-plait::square(v.in(0)))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("erfc", Special::Erfc, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> erfinv{{
    .schema = "erfinv(Tensor self) -> Tensor",
    .doc = R"(Elementwise inverse of erf; infinite at -1 and 1, NaN beyond.

Dtypes: real ones; integers give the default float.

>>> plait.erfinv(plait.tensor([0.0, 0.5]))
tensor([0.0000, 0.4769]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * kSqrtPiOverTwo * plait::exp(plait::square(v.out()))); },
    .save = "result",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("erfinv", Special::Erfinv, out, self, nullptr, 8); },
}};

Op<Tensor(const Tensor&)> lgamma{{
    .schema = "lgamma(Tensor self) -> Tensor",
    .doc = R"(Elementwise logarithm of the absolute value of the gamma function.

Dtypes: real ones; integers give the default float.

>>> plait.lgamma(plait.tensor([1.0, 4.0]))
tensor([0.0000, 1.7918]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * plait::digamma(v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("lgamma", Special::Lgamma, out, self, nullptr, 32); },
}};

Op<Tensor(const Tensor&)> digamma{{
    .schema = "digamma(Tensor self) -> Tensor",
    .doc = R"(Elementwise derivative of lgamma (DLMF 5.2.2).

Dtypes: real ones; integers give the default float.

>>> plait.digamma(plait.tensor([1.0, 2.0]))
tensor([-0.5772,  0.4228]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * plait::polygamma(1, v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("digamma", Special::Digamma, out, self, nullptr, 32); },
}};

Op<Tensor(const Tensor&)> _trigamma{{
    .schema = "_trigamma(Tensor self) -> Tensor",
    .doc = "The second derivative of lgamma (DLMF 5.15).",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * plait::polygamma(2, v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("_trigamma", Special::Trigamma, out, self, nullptr, 32); },
}};

Op<Tensor(const Tensor&, int64_t)> _polygamma{{
    .schema = "_polygamma(Tensor self, int n) -> Tensor",
    .doc = "polygamma for n of 1 and more: (-1)^(n+1) n! zeta(n+1, self) (DLMF 5.15, 25.11).",
    .meta =
        [](const Tensor& self, int64_t n) {
          check(n >= 1, "_polygamma: expected n of 1 or more, got {}", n);
          return infer::unary_float(self);
        },
    .vjp = [](Vjp& v) { v.set(0, v.grad() * plait::polygamma(v.attr<int64_t>(1) + 1, v.in(0))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t n) {
          cpu::pointwise("polygamma", cpu::polygamma_table().loop[static_cast<int>(out.dtype())], out, self,
                         out.dtype(), &n, 64);
        },
}};

Op<Tensor(int64_t, const Tensor&)> polygamma{{
    .schema = "polygamma(int n, Tensor self) -> Tensor",
    .doc = R"(Elementwise derivative of order n of digamma (DLMF 5.15).

Dtypes: real ones; integers give the default float.

>>> plait.polygamma(1, plait.tensor([1.0, 2.0]))
tensor([1.6449, 0.6449]))",
    .composite =
        [](int64_t n, const Tensor& self) {
          check(n >= 0, "polygamma: expected n of 0 or more, got {}", n);
          return n == 0 ? plait::digamma(self) : n == 1 ? plait::_trigamma(self) : plait::_polygamma(self, n);
        },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> xlogy{{
    .schema = "xlogy(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self * log(other), zero where self is zero (unless other is NaN).

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.xlogy(plait.tensor([0.0, 2.0]), plait.tensor([0.0, 1.0]))
tensor([0., 0.]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary_float("xlogy", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0), other = as_float(v.in(1), v.grad().dtype());
          if (v.needs(0)) {
            const Tensor zero =
                plait::logical_and(plait::eq(self, wrapped_scalar(0)), plait::le(other, wrapped_scalar(0)));
            v.set(0, v.grad() * plait::masked_fill(plait::log(other), zero, wrapped_scalar(0)));
          }
          if (v.needs(1)) v.set(1, v.grad() * self / other);
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("xlogy", cpu::BinaryMath::XLogY, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> special_xlog1py{{
    .schema = "special_xlog1py(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise self * log1p(other), zero where self is zero (unless other is NaN); plait.special.xlog1py.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.

>>> plait.special.xlog1py(plait.tensor([0.0, 2.0]), plait.tensor([-1.0, 1.0]))
tensor([0.0000, 1.3863]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::binary_float("special_xlog1py", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0), other = as_float(v.in(1), v.grad().dtype());
          if (v.needs(0)) {
            const Tensor zero =
                plait::logical_and(plait::eq(self, wrapped_scalar(0)), plait::le(other, wrapped_scalar(-1)));
            v.set(0, v.grad() * plait::masked_fill(plait::log1p(other), zero, wrapped_scalar(0)));
          }
          if (v.needs(1)) v.set(1, v.grad() * self / (other + wrapped_scalar(1)));
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other) {
          cpu::binary("special_xlog1py", cpu::BinaryMath::XLog1pY, out, self, other);
        },
}};

Op<Tensor(const Scalar&, const Tensor&)> special_xlog1py_scalar{{
    .schema = "special_xlog1py.Scalar(Scalar self, Tensor other) -> Tensor",
    .doc = "self * log1p(other) with a number self; see special_xlog1py.",
    .composite = [](const Scalar& self,
                    const Tensor& other) { return plait::special_xlog1py(wrapped_scalar(self), other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> special_entr{{
    .schema = "special_entr(Tensor self) -> Tensor",
    .doc = R"(Elementwise -self log(self), 0 at 0, -inf below; plait.special.entr.

Dtypes: real ones; integers give the default float.

>>> plait.special.entr(plait.tensor([0.0, 1.0, -1.0]))
tensor([0., 0., -inf]))",
    .meta = infer::unary_float,
    .vjp = [](Vjp& v) { v.set(0, v.grad() * -(plait::log(v.in(0)) + wrapped_scalar(1))); },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("special_entr", Special::Entr, out, self, nullptr, 8); },
}};

}  // namespace plait::op
