// Comparisons, tests of values, logical functions. Their results are bool and have no derivative.
#include "ops/cpu/compare.h"

#include <cstring>

#include "core/batch.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/minmax.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::Compare;
using cpu::Test;

// Is every element of a bool tensor true?
bool all_true(const Tensor& mask) {
  refuse_batched(mask, "equal");
  if (!mask.is_cpu()) return item(plait::all(mask)).to<bool>();
  const Tensor flat = plait::contiguous(mask);
  return flat.numel() == 0 || !std::memchr(flat.data_ptr(), 0, static_cast<size_t>(flat.numel()));
}

void check_ordered(const char* op, const Tensor& self, const Tensor& other) {
  check<TypeError>(!is_complex(self.dtype()) && !is_complex(other.dtype()),
                   "{}: complex numbers have no order, got dtypes {} and {}; compare .abs(), .real or .imag",
                   op, self.dtype(), other.dtype());
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&)> eq{{
    .schema = "eq(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self == other, as bool.

Shapes: broadcast together. Dtypes: any, compared in the promoted one.

>>> plait.eq(plait.tensor([1, 2, 3]), 2)
tensor([False,  True, False]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::compare("eq", self, other); },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("eq", Compare::Equal, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> ne{{
    .schema = "ne(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self != other, as bool.

Shapes: broadcast together. Dtypes: any, compared in the promoted one.

>>> plait.ne(plait.tensor([1, 2, 3]), 2)
tensor([ True, False,  True]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::compare("ne", self, other); },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("ne", Compare::NotEqual, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> lt{{
    .schema = "lt(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self < other, as bool.

Shapes: broadcast together. Dtypes: real ones, compared in the promoted one.

>>> plait.lt(plait.tensor([1, 2, 3]), 2)
tensor([ True, False, False]))",
    .meta =
        [](const Tensor& self, const Tensor& other) {
          check_ordered("lt", self, other);
          return infer::compare("lt", self, other);
        },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("lt", Compare::Less, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> le{{
    .schema = "le(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self <= other, as bool.

Shapes: broadcast together. Dtypes: real ones, compared in the promoted one.

>>> plait.le(plait.tensor([1, 2, 3]), 2)
tensor([ True,  True, False]))",
    .meta =
        [](const Tensor& self, const Tensor& other) {
          check_ordered("le", self, other);
          return infer::compare("le", self, other);
        },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("le", Compare::LessEqual, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> gt{{
    .schema = "gt(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self > other, as bool.

Shapes: broadcast together. Dtypes: real ones, compared in the promoted one.

>>> plait.gt(plait.tensor([1, 2, 3]), 2)
tensor([False, False,  True]))",
    .meta =
        [](const Tensor& self, const Tensor& other) {
          check_ordered("gt", self, other);
          return infer::compare("gt", self, other);
        },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("gt", Compare::Less, out, other, self); },
}};

Op<Tensor(const Tensor&, const Tensor&)> ge{{
    .schema = "ge(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self >= other, as bool.

Shapes: broadcast together. Dtypes: real ones, compared in the promoted one.

>>> plait.ge(plait.tensor([1, 2, 3]), 2)
tensor([False,  True,  True]))",
    .meta =
        [](const Tensor& self, const Tensor& other) {
          check_ordered("ge", self, other);
          return infer::compare("ge", self, other);
        },
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("ge", Compare::LessEqual, out, other, self); },
}};

Op<Tensor(const Tensor&, const Tensor&)> logical_and{{
    .schema = "logical_and(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self and other, as bool; everything but zero counts as true.

Shapes: broadcast together. Dtypes: any.

>>> plait.logical_and(plait.tensor([True, True, False]), plait.tensor([1, 0, 0]))
tensor([ True, False, False]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::compare("logical_and", self, other); },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("logical_and", Compare::And, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> logical_or{{
    .schema = "logical_or(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self or other, as bool; everything but zero counts as true.

Shapes: broadcast together. Dtypes: any.

>>> plait.logical_or(plait.tensor([True, True, False]), plait.tensor([1, 0, 0]))
tensor([ True,  True, False]))",
    .meta = [](const Tensor& self, const Tensor& other) { return infer::compare("logical_or", self, other); },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("logical_or", Compare::Or, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> logical_xor{{
    .schema = "logical_xor(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise either self or other, not both, as bool; everything but zero counts as true.

Shapes: broadcast together. Dtypes: any.

>>> plait.logical_xor(plait.tensor([True, True, False]), plait.tensor([1, 0, 0]))
tensor([False,  True, False]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return infer::compare("logical_xor", self, other); },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::compare("logical_xor", Compare::Xor, out, self, other); },
}};

Op<Tensor(const Tensor&)> logical_not{{
    .schema = "logical_not(Tensor self) -> Tensor",
    .doc = R"(True where self is zero.

Dtypes: any.

>>> plait.logical_not(plait.tensor([0, 2]))
tensor([ True, False]))",
    .meta = infer::unary_bool,
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::test("logical_not", Test::Not, out, self); },
}};

Op<Tensor(const Tensor&)> isnan{{
    .schema = "isnan(Tensor self) -> Tensor",
    .doc = R"(True where self is NaN (in its real or imaginary part).

Dtypes: any.

>>> plait.isnan(plait.tensor([1.0, plait.nan]))
tensor([False,  True]))",
    .meta = infer::unary_bool,
    .kind = Kind::Pointwise,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::test("isnan", Test::Nan, out, self); },
}};

Op<Tensor(const Tensor&)> isinf{{
    .schema = "isinf(Tensor self) -> Tensor",
    .doc = R"(True where self is infinite (in its real or imaginary part).

Dtypes: any.

>>> plait.isinf(plait.tensor([1.0, plait.inf]))
tensor([False,  True]))",
    .meta = infer::unary_bool,
    .kind = Kind::Pointwise,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::test("isinf", Test::Inf, out, self); },
}};

Op<Tensor(const Tensor&)> isfinite{{
    .schema = "isfinite(Tensor self) -> Tensor",
    .doc = R"(True where self is neither NaN nor infinite.

Dtypes: any.

>>> plait.isfinite(plait.tensor([1.0, plait.inf]))
tensor([ True, False]))",
    .meta = infer::unary_bool,
    .kind = Kind::Pointwise,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::test("isfinite", Test::Finite, out, self); },
}};

Op<Tensor(const Tensor&)> signbit{{
    .schema = "signbit(Tensor self) -> Tensor",
    .doc = R"(True where the sign of self is set; that of -0.0 is.

Dtypes: real ones.

>>> plait.signbit(plait.tensor([1.0, -0.0]))
tensor([False,  True]))",
    .meta = infer::unary_bool,
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::test("signbit", Test::Negative, out, self); },
}};

Op<Tensor(const Tensor&, const Tensor&, double, double, bool)> isclose{{
    .schema = "isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) "
              "-> Tensor",
    .doc =
        R"(True where |self - other| <= atol + rtol * |other|; where both are the same infinity; with equal_nan, where both are NaN.

Shapes: broadcast together. Dtypes: any, the same for both.

>>> plait.isclose(plait.tensor([1.0, 2.0]), plait.tensor([1.0, 2.1]))
tensor([ True, False]))",
    .composite =
        [](const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
          check<TypeError>(
              self.dtype() == other.dtype() || other.is_wrapped_number(),
              "isclose: expected self and other of one dtype, got {} and {}; convert one with .to(dtype)",
              self.dtype(), other.dtype());
          check(rtol >= 0 && atol >= 0, "isclose: expected rtol and atol not to be negative, got {} and {}",
                rtol, atol);
          const bool integral = is_integral(self.dtype(), true);
          Tensor close = plait::eq(self, other);
          if (equal_nan && !integral)
            close =
                plait::logical_or(close, plait::logical_and(plait::ne(self, self), plait::ne(other, other)));
          if (rtol == 0 && atol == 0) return close;
          // Integers are subtracted as float64, where nothing wraps.
          const Tensor a = integral ? plait::_convert(self, DType::Float64) : self;
          const Tensor b = integral ? plait::_convert(other, DType::Float64) : other;
          const Tensor error = plait::abs(a - b);
          const Tensor near =
              plait::logical_and(plait::isfinite(error), plait::le(error, plait::abs(b) * rtol + atol));
          return plait::logical_or(close, near);
        },
    .kind = Kind::Pointwise,
    .no_grad = true,
}};

Op<bool(const Tensor&, const Tensor&, double, double, bool)> allclose{{
    .schema = "allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) "
              "-> bool",
    .doc = R"(Are all elements close? See isclose.

>>> plait.allclose(plait.tensor([1.0]), plait.tensor([1.0 + 1e-7]))
True)",
    .composite = [](const Tensor& self, const Tensor& other, double rtol, double atol,
                    bool equal_nan) { return all_true(plait::isclose(self, other, rtol, atol, equal_nan)); },
    .kind = Kind::Reduction,
    .no_grad = true,
}};

Op<bool(const Tensor&, const Tensor&)> equal{{
    .schema = "equal(Tensor self, Tensor other) -> bool",
    .doc = R"(Do both tensors have the same shape and elements? NaN equals nothing.

>>> plait.equal(plait.tensor([1, 2]), plait.tensor([1, 2]))
True)",
    .composite =
        [](const Tensor& self, const Tensor& other) {
          check<NotImplementedError>(!self.is_meta() && !other.is_meta(),
                                     "equal: tensors on the meta device hold no data to compare");
          return self.sizes() == other.sizes() && all_true(plait::eq(self, other));
        },
    .kind = Kind::Reduction,
    .no_grad = true,
}};

}  // namespace plait::op
