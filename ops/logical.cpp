// Functions of integers: of their bits, shifts, common divisors and multiples.
#include "ops/decl/logical.h"
#include "ops/cpu/binary.h"
#include "ops/cpu/unary.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

using cpu::Bits;
using cpu::Division;

TensorSpec integer_spec(const char* op, const Tensor& self, const Tensor& other, bool with_bool = true) {
  const TensorSpec spec = infer::binary(op, self, other);
  check<TypeError>(is_integral(spec.dtype, with_bool),
                   "{}: expected integer {}tensors, got dtypes {} and {}; convert with .to(plait.int64)", op,
                   with_bool ? "or bool " : "", self.dtype(), other.dtype());
  return spec;
}

}  // namespace

Op<Tensor(const Tensor&)> bitwise_not{{
    .schema = "bitwise_not(Tensor self) -> Tensor",
    .doc = R"(Elementwise complement of every bit; logical not of bool.

Dtypes: integers and bool.

>>> plait.bitwise_not(plait.tensor([0, 5]))
tensor([-1, -6]))",
    .meta = infer::unary,
    .kind = Kind::Pointwise,
    .dtypes = kBoolIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out,
              const Tensor& self) { cpu::unary("bitwise_not", cpu::Unary::BitwiseNot, out, self); },
}};

Op<Tensor(const Tensor&, const Tensor&)> bitwise_and{{
    .schema = "bitwise_and(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise and of the bits of self and other.

Shapes: broadcast together. Dtypes: integers and bool, promoted.

>>> plait.bitwise_and(plait.tensor([6]), 3)
tensor([2]))",
    .meta = [](const Tensor& self, const Tensor& other) { return integer_spec("bitwise_and", self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kBoolIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::bits("bitwise_and", Bits::And, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> bitwise_or{{
    .schema = "bitwise_or(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise or of the bits of self and other.

Shapes: broadcast together. Dtypes: integers and bool, promoted.

>>> plait.bitwise_or(plait.tensor([6]), 3)
tensor([7]))",
    .meta = [](const Tensor& self, const Tensor& other) { return integer_spec("bitwise_or", self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kBoolIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::bits("bitwise_or", Bits::Or, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> bitwise_xor{{
    .schema = "bitwise_xor(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise exclusive or of the bits of self and other.

Shapes: broadcast together. Dtypes: integers and bool, promoted.

>>> plait.bitwise_xor(plait.tensor([6]), 3)
tensor([5]))",
    .meta = [](const Tensor& self, const Tensor& other) { return integer_spec("bitwise_xor", self, other); },
    .kind = Kind::Pointwise,
    .dtypes = kBoolIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::bits("bitwise_xor", Bits::Xor, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> bitwise_left_shift{{
    .schema = "bitwise_left_shift(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self shifted left by other bits; zero where other is negative or beyond the width.

Shapes: broadcast together. Dtypes: integers, promoted.

>>> plait.bitwise_left_shift(plait.tensor([3]), 2)
tensor([12]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return integer_spec("bitwise_left_shift", self, other, false); },
    .kind = Kind::Pointwise,
    .dtypes = kIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::bits("bitwise_left_shift", Bits::ShiftLeft, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> bitwise_right_shift{{
    .schema = "bitwise_right_shift(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise self shifted right by other bits, filled with its sign; 0 or -1 where other is negative or beyond the width.

Shapes: broadcast together. Dtypes: integers, promoted.

>>> plait.bitwise_right_shift(plait.tensor([4]), 2)
tensor([1]))",
    .meta = [](const Tensor& self,
               const Tensor& other) { return integer_spec("bitwise_right_shift", self, other, false); },
    .kind = Kind::Pointwise,
    .dtypes = kIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::bits("bitwise_right_shift", Bits::ShiftRight, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> gcd{{
    .schema = "gcd(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise greatest common divisor of self and other; gcd(0, x) is |x|.

Shapes: broadcast together. Dtypes: integers, promoted.

>>> plait.gcd(plait.tensor([12, -4, 0]), plait.tensor([18, 6, 5]))
tensor([6, 2, 5]))",
    .meta = [](const Tensor& self, const Tensor& other) { return integer_spec("gcd", self, other, false); },
    .kind = Kind::Pointwise,
    .dtypes = kIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::divide("gcd", Division::Gcd, out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> lcm{{
    .schema = "lcm(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Elementwise least common multiple of self and other; 0 where either is. It wraps beyond the dtype.

Shapes: broadcast together. Dtypes: integers, promoted.

>>> plait.lcm(plait.tensor([12, -4, 0]), plait.tensor([18, 6, 5]))
tensor([36, 12,  0]))",
    .meta = [](const Tensor& self, const Tensor& other) { return integer_spec("lcm", self, other, false); },
    .kind = Kind::Pointwise,
    .dtypes = kIntDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& other) { cpu::divide("lcm", Division::Lcm, out, self, other); },
}};

}  // namespace plait::op
