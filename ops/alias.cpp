// Second names of pointwise ops.
#include "ops/decl/alias.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/complex.h"
#include "ops/decl/power.h"
#include "ops/decl/ternary.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"

namespace plait::op {

Op<Tensor(const Tensor&)> absolute{{
    .schema = "absolute(Tensor self) -> Tensor",
    .doc = "The same as abs.",
    .composite = [](const Tensor& self) { return plait::abs(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> conj_physical{{
    .schema = "conj_physical(Tensor self) -> Tensor",
    .doc = "The same as conj, whose results are numbers in memory, not marks on a view.",
    .composite = [](const Tensor& self) { return plait::conj(self); },
    .kind = Kind::Pointwise,
    .inplace = Inplace::Copy,
    .out = true,
}};

Op<Tensor(const Tensor&)> negative{{
    .schema = "negative(Tensor self) -> Tensor",
    .doc = "The same as neg.",
    .composite = [](const Tensor& self) { return plait::neg(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> arccos{{
    .schema = "arccos(Tensor self) -> Tensor",
    .doc = "The same as acos.",
    .composite = [](const Tensor& self) { return plait::acos(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> arcsin{{
    .schema = "arcsin(Tensor self) -> Tensor",
    .doc = "The same as asin.",
    .composite = [](const Tensor& self) { return plait::asin(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> arctan{{
    .schema = "arctan(Tensor self) -> Tensor",
    .doc = "The same as atan.",
    .composite = [](const Tensor& self) { return plait::atan(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> arccosh{{
    .schema = "arccosh(Tensor self) -> Tensor",
    .doc = "The same as acosh.",
    .composite = [](const Tensor& self) { return plait::acosh(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> arcsinh{{
    .schema = "arcsinh(Tensor self) -> Tensor",
    .doc = "The same as asinh.",
    .composite = [](const Tensor& self) { return plait::asinh(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> arctanh{{
    .schema = "arctanh(Tensor self) -> Tensor",
    .doc = "The same as atanh.",
    .composite = [](const Tensor& self) { return plait::atanh(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> multiply{{
    .schema = "multiply(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as mul.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::mul(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> true_divide{{
    .schema = "true_divide(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as div.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::div(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> greater{{
    .schema = "greater(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as gt.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::gt(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> greater_equal{{
    .schema = "greater_equal(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as ge.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::ge(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> less{{
    .schema = "less(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as lt.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::lt(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> less_equal{{
    .schema = "less_equal(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as le.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::le(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> not_equal{{
    .schema = "not_equal(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as ne.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::ne(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> arctan2{{
    .schema = "arctan2(Tensor self, Tensor other) -> Tensor",
    .doc = "The same as atan2.",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::atan2(self, other); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> subtract{{
    .schema = "subtract(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .doc = "The same as sub.",
    .composite = [](const Tensor& self, const Tensor& other,
                    const Scalar& alpha) { return plait::sub(self, other, alpha); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, std::optional<std::string_view>)> divide{{
    .schema = "divide(Tensor self, Tensor other, *, str? rounding_mode=None) -> Tensor",
    .doc = "The same as div.",
    .composite =
        [](const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) {
          return rounding_mode ? plait::div(self, other, rounding_mode) : plait::div(self, other);
        },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<Scalar>)> clip{{
    .schema = "clip(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
    .doc = "The same as clamp.",
    .composite = [](const Tensor& self, std::optional<Scalar> min,
                    std::optional<Scalar> max) { return plait::clamp(self, min, max); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> clip_Tensor{{
    .schema = "clip.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
    .doc = "The same as clamp.",
    .composite = [](const Tensor& self, const Tensor& min,
                    const Tensor& max) { return plait::clamp(self, min, max); },
    .kind = Kind::Pointwise,
    .out = true,
}};

Op<Tensor(const Tensor&)> fix{{
    .schema = "fix(Tensor self) -> Tensor",
    .doc = "The same as trunc.",
    .composite = [](const Tensor& self) { return plait::trunc(self); },
    .kind = Kind::Pointwise,
    .out = true,
}};

}  // namespace plait::op
