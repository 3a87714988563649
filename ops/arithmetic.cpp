// Sums, differences, products and quotients, rounded quotients and remainders.
#include "ops/decl/arithmetic.h"
#include "ops/alpha.h"
#include "ops/cpu/binary.h"
#include "ops/decl/create.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::Binary;
using cpu::Division;

Scalar conjugate(const Scalar& s) { return s.is_complex() ? Scalar(std::conj(s.to<complex128>())) : s; }

// alpha * other, in other's own dtype.
Tensor scaled(const Tensor& other, const Scalar& alpha) {
  return alpha.equals(1) ? other : plait::mul(other, wrapped_scalar(alpha));
}

TensorSpec division_spec(const char* op, const Tensor& self, const Tensor& other) {
  const TensorSpec spec = infer::binary(op, self, other);
  check<TypeError>(spec.dtype != DType::Bool && !is_complex(spec.dtype),
                   "{}: expected integer or floating tensors, got dtypes {} and {}; convert with .to(dtype)",
                   op, self.dtype(), other.dtype());
  return spec;
}
Division division_of(std::string_view mode) {
  check(mode == "floor" || mode == "trunc",
        "div: expected rounding_mode to be None, 'floor' or 'trunc', got '{}'", mode);
  return mode == "floor" ? Division::Floor : Division::Trunc;
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> add{{
    .schema = "add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .doc = R"(Elementwise sum self + alpha * other.

Shapes: broadcast together. Dtypes: any, promoted.

>>> plait.add(plait.tensor([1.0, 2.0]), 1)
tensor([2., 3.]))",
    .meta =
        [](const Tensor& self, const Tensor& other, const Scalar& alpha) {
          const TensorSpec spec = infer::binary("add", self, other);
          check_factor("add", "alpha", alpha, spec.dtype);
          return spec;
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(1)) v.set(1, scaled(v.grad(), conjugate(v.attr<const Scalar&>(2))));
        },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
          cpu::binary("add", Binary::Add, out, self, scaled(other, alpha), out.dtype());
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> sub{{
    .schema = "sub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .doc = R"(Elementwise difference self - alpha * other.

Shapes: broadcast together. Dtypes: any but bool, promoted.

>>> plait.sub(plait.tensor([1.0, 2.0]), 1)
tensor([0., 1.]))",
    .meta =
        [](const Tensor& self, const Tensor& other, const Scalar& alpha) {
          const TensorSpec spec = infer::binary("sub", self, other);
          check_factor("sub", "alpha", alpha, spec.dtype);
          check<TypeError>(spec.dtype != DType::Bool,
                           "sub: not defined for bool tensors; use logical_xor or bitwise_xor");
          return spec;
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(1)) v.set(1, scaled(v.grad(), conjugate(-v.attr<const Scalar&>(2))));
        },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
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
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, plait::mul(v.grad(), conj_if_complex(v.in(1))));
          if (v.needs(1)) v.set(1, plait::mul(v.grad(), conj_if_complex(v.in(0))));
        },
    .save = "other if self, self if other",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("mul", Binary::Mul, out, self, other, out.dtype()); },
}};

Op<Tensor(const Tensor&, const Tensor&)> div{{
    .schema = "div(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise quotient; integers are divided as floats.

Shapes: broadcast together. Dtypes: any, promoted, integers to the default float.

>>> plait.div(plait.tensor([1, 2]), 2)
tensor([0.5000, 1.0000]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::binary_float("div", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor other = conj_if_complex(v.in(1));
          if (v.needs(0)) v.set(0, v.grad() / other);
          if (v.needs(1)) v.set(1, -(v.grad() * conj_if_complex(v.in(0))) / (other * other));
        },
    .save = "other, self if other",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::binary("div", Binary::Div, out, self, other, out.dtype()); },
}};

Op<Tensor(const Tensor&, const Tensor&, std::optional<std::string_view>)> div_mode{{
    .schema = "div.mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
    .doc =
        R"(Elementwise quotient, rounded: None for not at all, 'floor' down, 'trunc' towards zero. Gradient: zero where it is rounded.

Shapes: broadcast together. Dtypes: real ones but bool, promoted. Raises RuntimeError where an integer is divided by zero.

>>> plait.div(plait.tensor([-3, 3]), 2, rounding_mode="floor")
tensor([-2,  1]))",
    .meta =
        [](const Tensor& self, const Tensor& other, std::optional<std::string_view> mode) {
          if (!mode) return infer::binary_float("div", self, other);
          division_of(*mode);
          return division_spec("div", self, other);
        },
    .vjp =
        [](Vjp& v) {
          const bool exact = !v.attr<std::optional<std::string_view>>(2);
          const Tensor other = v.in(1);
          if (v.needs(0)) v.set(0, exact ? v.grad() / conj_if_complex(other) : plait::zeros_like(v.grad()));
          if (v.needs(1))
            v.set(1, exact ? -(v.grad() * conj_if_complex(v.in(0))) / conj_if_complex(other * other)
                           : plait::zeros_like(v.grad()));
        },
    .save = "other, self if other",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other, std::optional<std::string_view> mode) {
          if (!mode) return cpu::binary("div", Binary::Div, out, self, other, out.dtype());
          cpu::divide("div", division_of(*mode), out, self, other);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> floor_divide{{
    .schema = "floor_divide(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise quotient rounded down, as Python's //. Gradient: none.

Shapes: broadcast together. Dtypes: real ones but bool, promoted. Raises RuntimeError where an integer is divided by zero.

>>> plait.floor_divide(plait.tensor([-3, 3]), 2)
tensor([-2,  1]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return division_spec("floor_divide", self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::divide("floor_divide", Division::Floor, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> remainder{{
    .schema = "remainder(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self - other * floor(self / other), as Python's %: it has the sign of other.

Shapes: broadcast together. Dtypes: real ones but bool, promoted. Raises RuntimeError where an integer is divided by zero.

>>> plait.remainder(plait.tensor([-3, 3]), 2)
tensor([1, 1]))",
    .meta = [](const Tensor& self, const Tensor& other) { return division_spec("remainder", self, other); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(1)) v.set(1, -v.grad() * plait::div(v.in(0), v.in(1), "floor"));
        },
    .save = "self if other, other if other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::divide("remainder", Division::Remainder, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> fmod{{
    .schema = "fmod(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self - other * trunc(self / other), as C's fmod: it has the sign of self.

Shapes: broadcast together. Dtypes: real ones but bool, promoted. Raises RuntimeError where an integer is divided by zero.

>>> plait.fmod(plait.tensor([-3, 3]), 2)
tensor([-1,  1]))",
    .meta = [](const Tensor& self, const Tensor& other) { return division_spec("fmod", self, other); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(1)) v.set(1, -v.grad() * plait::div(v.in(0), v.in(1), "trunc"));
        },
    .save = "self if other, other if other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::divide("fmod", Division::Fmod, out, self, other); },
}};

}  // namespace plait::op
