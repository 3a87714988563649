// Functions of one argument.
#include "ops/cpu/unary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

using cpu::Unary;

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

Op<Tensor(const Tensor&)> conj{{
    .schema = "conj(Tensor self) -> Tensor",
    .doc = R"(The complex conjugate of each element; a real tensor as it is.

>>> plait.conj(plait.tensor([1 + 2j]))
tensor([1.-2.j]))",
    .composite = [](const Tensor& self) { return is_complex(self.dtype()) ? plait::_conj(self) : self; },
}};

Op<Tensor(const Tensor&)> _conj{{
    .schema = "_conj(Tensor self) -> Tensor",
    .doc = "The complex conjugate of each element of a complex tensor.",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_conj(v.grad())); },
    .kind = Kind::Pointwise,
    .dtypes = kComplexDTypes,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("conj", Unary::Conj, out, self); },
}};

}  // namespace plait::op
