// Sums, differences, products and quotients.
#include "ops/cpu/binary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::Binary;

// alpha * other, in other's own dtype.
Tensor scaled(const Tensor& other, const Scalar& alpha) {
  return alpha.equals(1) ? other : plait::mul(other, wrapped_scalar(alpha));
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> add{{
    .schema = "add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .doc = R"(Elementwise sum self + alpha * other.

Shapes: broadcast together. Dtypes: any, promoted.

>>> plait.add(plait.tensor([1.0, 2.0]), 1)
tensor([2., 3.]))",
    .meta = [](const Tensor& self, const Tensor& other, const Scalar& alpha) {
      const TensorSpec spec = infer::binary("add", self, other);
      check<TypeError>(alpha.fits(spec.dtype), "add: alpha must not be a float for a result of dtype {}", spec.dtype);
      return spec;
    },
    .vjp = [](Vjp& v) {
      if (v.needs(0)) v.set(0, v.grad());
      if (v.needs(1)) v.set(1, scaled(v.grad(), v.attr<const Scalar&>(2)));
    },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
      cpu::binary("add", Binary::Add, out, self, scaled(other, alpha), out.dtype());
    },
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> sub{{
    .schema = "sub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .doc = R"(Elementwise difference self - alpha * other.

Shapes: broadcast together. Dtypes: any but bool, promoted.

>>> plait.sub(plait.tensor([1.0, 2.0]), 1)
tensor([0., 1.]))",
    .meta = [](const Tensor& self, const Tensor& other, const Scalar& alpha) {
      const TensorSpec spec = infer::binary("sub", self, other);
      check<TypeError>(alpha.fits(spec.dtype), "sub: alpha must not be a float for a result of dtype {}", spec.dtype);
      check<TypeError>(spec.dtype != DType::Bool, "sub: not defined for bool tensors; use logical_xor or bitwise_xor");
      return spec;
    },
    .vjp = [](Vjp& v) {
      if (v.needs(0)) v.set(0, v.grad());
      if (v.needs(1)) v.set(1, scaled(v.grad(), -v.attr<const Scalar&>(2)));
    },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
      cpu::binary("sub", Binary::Sub, out, self, scaled(other, alpha), out.dtype());
    },
}};

Op<Tensor(const Tensor&, const Tensor&)> mul{{
    .schema = "mul(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise product.

Shapes: broadcast together. Dtypes: any, promoted.

>>> plait.mul(plait.tensor([1.0, 2.0]), 3)
tensor([3., 6.]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary("mul", self, other); },
    .vjp = [](Vjp& v) {
      if (v.needs(0)) v.set(0, plait::mul(v.grad(), conj_if_complex(v.in(1))));
      if (v.needs(1)) v.set(1, plait::mul(v.grad(), conj_if_complex(v.in(0))));
    },
    .save = "other if self, self if other",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& other) {
      cpu::binary("mul", Binary::Mul, out, self, other, out.dtype());
    },
}};

Op<Tensor(const Tensor&, const Tensor&)> div{{
    .schema = "div(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise quotient; integers are divided as floats.

Shapes: broadcast together. Dtypes: any, promoted, integers to the default float.

>>> plait.div(plait.tensor([1, 2]), 2)
tensor([0.5000, 1.0000]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary_float("div", self, other); },
    .vjp = [](Vjp& v) {
      const Tensor other = conj_if_complex(v.in(1));
      if (v.needs(0)) v.set(0, v.grad() / other);
      if (v.needs(1)) v.set(1, -(v.grad() * conj_if_complex(v.in(0))) / (other * other));
    },
    .save = "other, self if other",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& other) {
      cpu::binary("div", Binary::Div, out, self, other, out.dtype());
    },
}};

}  // namespace plait::op
