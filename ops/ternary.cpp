// Choices, limits, blends and fused products.
#include "ops/cpu/ternary.h"

#include <limits>

#include "ops/alpha.h"
#include "ops/cpu/activation.h"
#include "ops/cpu/binary.h"
#include "ops/decl/activation_grad.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/index_mask.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/number_fits.h"

namespace plait::op {
namespace {

using cpu::Params;
using cpu::Ternary;

Tensor zero_number() { return wrapped_scalar(0); }

void check_mask(const char* op, const char* name, const Tensor& mask) {
  check<TypeError>(mask.dtype() == DType::Bool,
                   "{}: expected {} to be a bool tensor, got {}; compare it first, e.g. {} != 0", op, name,
                   mask.dtype(), name);
}

// The dtype of self limited by numbers.
DType clamp_dtype(const char* op, const Tensor& self, const std::optional<Scalar>& min,
                  const std::optional<Scalar>& max) {
  check(min || max, "{}: at least one of min and max must not be None", op);
  ResultType type;
  type.add(self);
  for (const auto* bound : {&min, &max}) {
    if (!*bound) continue;
    check<TypeError>(!(*bound)->is_complex(), "{}: expected real bounds, got a complex number", op);
    type.add(**bound);
  }
  return type.get();
}

Params clamp_params(const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {min.value_or(Scalar(-kInfinity)), max.value_or(Scalar(kInfinity))};
}

// value * tensor, in the tensor's own dtype.
Tensor scaled(const Tensor& tensor, const Scalar& value) {
  return value.equals(1) ? tensor : plait::mul(tensor, wrapped_scalar(value));
}
Scalar conjugate(const Scalar& value) {
  return value.is_complex() ? Scalar(std::conj(value.to<complex128>())) : value;
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> where{{
    .schema = "where(Tensor condition, Tensor self, Tensor other) -> Tensor",
    .doc = R"(Elementwise self where condition holds, other elsewhere.

Shapes: broadcast together. Dtypes: bool condition; self and other any, promoted.

>>> plait.where(plait.tensor([True, False]), plait.tensor([1, 2]), 0)
tensor([1, 0]))",
    .meta =
        [](const Tensor& condition, const Tensor& self, const Tensor& other) {
          check_mask("where", "condition", condition);
          const DType dtype = result_type(self, other);
          check_number_fits("where", self, dtype);
          check_number_fits("where", other, dtype);
          return infer::elementwise("where", {&condition, &self, &other}, dtype);
        },
    .vjp =
        [](Vjp& v) {
          const Tensor condition = v.in(0);
          if (v.needs(1)) v.set(1, plait::where(condition, v.grad(), zero_number()));
          if (v.needs(2)) v.set(2, plait::where(condition, zero_number(), v.grad()));
        },
    .save = "condition",
    .kind = Kind::Pointwise,
    .out = true,
    .cpu = cpu::where,
}};

Op<std::vector<Tensor>(const Tensor&)> where_condition{{
    .schema = "where.condition(Tensor condition) -> Tensor[]",
    .doc = R"(The indices of the elements that are not zero: one int64 tensor for each dimension.

>>> plait.where(plait.tensor([0, 5, 7]))
(tensor([1, 2]),))",
    .composite =
        [](const Tensor& condition) {
          return plait::unbind(
              plait::nonzero(condition.dim() ? condition : plait::reshape(condition, Dims{1})), 1);
        },
    .no_grad = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> masked_fill{{
    .schema = "masked_fill(Tensor self, Tensor mask, Tensor value) -> Tensor",
    .doc = R"(self with value, a number or a 0-d tensor, where mask is True.

Shapes: self and mask broadcast together. Dtypes: bool mask; value is converted to the dtype of self: a number to an integer dtype by its whole part, which must fit.

>>> plait.masked_fill(plait.tensor([1.0, 2.0]), plait.tensor([True, False]), 0)
tensor([0., 2.]))",
    .meta =
        [](const Tensor& self, const Tensor& mask, const Tensor& value) {
          check_mask("masked_fill", "mask", mask);
          check(value.dim() == 0,
                "masked_fill: expected value to be a number or a 0-d tensor, got shape {}; use where",
                value.sizes());
          check<TypeError>(!is_complex(value.dtype()) || is_complex(self.dtype()),
                           "masked_fill: a value of dtype {} does not fit into self of dtype {}",
                           value.dtype(), self.dtype());
          check_number_fits("masked_fill", value, self.dtype());
          return infer::elementwise("masked_fill", {&self, &mask}, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor mask = v.in(1);
          if (v.needs(0)) v.set(0, plait::masked_fill(v.grad(), mask, zero_number()));
          if (v.needs(2)) v.set(2, plait::where(mask, v.grad(), zero_number()));
        },
    .save = "mask",
    .kind = Kind::Pointwise,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& mask,
              const Tensor& value) { cpu::where(out, mask, value, self); },
}};

Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<Scalar>)> clamp{{
    .schema = "clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
    .doc =
        R"(Elementwise self limited to [min, max], of which one may be None: min(max(self, min), max). NaN stays.

Dtypes: real ones but bool, promoted with the bounds.

>>> plait.clamp(plait.tensor([-2.0, 0.5, 3.0]), 0, 1)
tensor([0.0000, 0.5000, 1.0000]))",
    .meta = [](const Tensor& self, std::optional<Scalar> min,
               std::optional<Scalar> max) { return infer::like(self, clamp_dtype("clamp", self, min, max)); },
    .vjp =
        [](Vjp& v) {
          const auto min = v.attr<std::optional<Scalar>>(1), max = v.attr<std::optional<Scalar>>(2);
          constexpr double kInfinity = std::numeric_limits<double>::infinity();
          v.set(0, plait::_clamp_backward(v.grad(), v.in(0), min.value_or(Scalar(-kInfinity)),
                                          max.value_or(Scalar(kInfinity))));
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes & ~1,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, std::optional<Scalar> min, std::optional<Scalar> max) {
          const Params params = clamp_params(min, max);
          cpu::activation("clamp", cpu::Activation::Clamp, out, self, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> clamp_Tensor{{
    .schema = "clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
    .doc = R"(Elementwise self limited by tensors.

Shapes: broadcast together. Dtypes: real ones but bool, promoted.

>>> plait.clamp(plait.tensor([-2.0, 3.0]), plait.tensor([0.0, 0.0]), plait.tensor([1.0, 2.0]))
tensor([0., 2.]))",
    .meta =
        [](const Tensor& self, const Tensor& min, const Tensor& max) {
          check(min.defined() || max.defined(), "clamp: at least one of min and max must not be None");
          ResultType type;
          for (const Tensor* t : {&self, &min, &max})
            if (t->defined()) type.add(*t);
          return infer::elementwise("clamp", {&self, &min, &max}, type.get());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0), min = v.in(1), max = v.in(2);
          // Where each bound holds self; a max below its min wins.
          const Tensor under = min.defined() ? plait::lt(self, min) : min,
                       over = max.defined() ? plait::gt(self, max) : max,
                       crossed = min.defined() && max.defined() ? plait::lt(max, min) : Tensor();
          const Tensor none = zero_number();
          if (v.needs(0)) {
            Tensor g = v.grad();
            if (min.defined()) g = plait::where(plait::ge(self, min), g, none);
            if (max.defined()) g = plait::where(plait::le(self, max), g, none);
            v.set(0, g);
          }
          if (v.needs(1)) {
            const Tensor g = plait::where(under, v.grad(), none);
            v.set(1, crossed.defined() ? plait::where(crossed, none, g) : g);
          }
          if (v.needs(2))
            v.set(2,
                  plait::where(crossed.defined() ? plait::logical_or(over, crossed) : over, v.grad(), none));
        },
    .save = "self, min, max",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes & ~1,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& min, const Tensor& max) {
          if (!min.defined()) return cpu::min_max("clamp", cpu::MinMax::Minimum, out, self, max);
          if (!max.defined()) return cpu::min_max("clamp", cpu::MinMax::Maximum, out, self, min);
          cpu::ternary("clamp", Ternary::Clamp, out, self, min, max);
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> clamp_min{{
    .schema = "clamp_min(Tensor self, Tensor min) -> Tensor",
    .doc = R"(Elementwise self, but at least min.

Shapes: broadcast together. Dtypes: real, promoted.

>>> plait.clamp_min(plait.tensor([-2.0, 3.0]), 0)
tensor([0., 3.]))",
    .meta = [](const Tensor& self, const Tensor& min) { return infer::binary("clamp_min", self, min); },
    .vjp =
        [](Vjp& v) {
          const Tensor keeps = plait::ge(v.in(0), v.in(1));
          if (v.needs(0)) v.set(0, plait::where(keeps, v.grad(), zero_number()));
          if (v.needs(1)) v.set(1, plait::where(keeps, zero_number(), v.grad()));
        },
    .save = "self, min",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& min) { cpu::min_max("clamp_min", cpu::MinMax::Maximum, out, self, min); },
}};

Op<Tensor(const Tensor&, const Tensor&)> clamp_max{{
    .schema = "clamp_max(Tensor self, Tensor max) -> Tensor",
    .doc = R"(Elementwise self, but at most max.

Shapes: broadcast together. Dtypes: real, promoted.

>>> plait.clamp_max(plait.tensor([-2.0, 3.0]), 0)
tensor([-2.,  0.]))",
    .meta = [](const Tensor& self, const Tensor& max) { return infer::binary("clamp_max", self, max); },
    .vjp =
        [](Vjp& v) {
          const Tensor keeps = plait::le(v.in(0), v.in(1));
          if (v.needs(0)) v.set(0, plait::where(keeps, v.grad(), zero_number()));
          if (v.needs(1)) v.set(1, plait::where(keeps, zero_number(), v.grad()));
        },
    .save = "self, max",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& max) { cpu::min_max("clamp_max", cpu::MinMax::Minimum, out, self, max); },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> lerp{{
    .schema = "lerp(Tensor self, Tensor end, Tensor weight) -> Tensor",
    .doc = R"(Elementwise self + weight * (end - self).

Shapes: broadcast together. Dtypes: floating and complex, the same for self and end.

>>> plait.lerp(plait.tensor([0.0, 2.0]), plait.tensor([10.0, 4.0]), 0.5)
tensor([5., 3.]))",
    .meta =
        [](const Tensor& self, const Tensor& end, const Tensor& weight) {
          check<TypeError>(
              self.dtype() == end.dtype(),
              "lerp: expected self and end of one dtype, got {} and {}; convert one with .to(dtype)",
              self.dtype(), end.dtype());
          check<TypeError>(self.dtype() == weight.dtype() || weight.dim() == 0,
                           "lerp: expected a weight of dtype {}, that of self, or a number, got {}; convert "
                           "it with .to(dtype)",
                           self.dtype(), weight.dtype());
          return infer::elementwise("lerp", {&self, &end, &weight}, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          // Of the gradient's dtype: a number would make 1 - weight one of the default dtype.
          const Tensor weight = plait::_convert(conj_if_complex(v.in(2)), v.grad().dtype());
          if (v.needs(0)) v.set(0, v.grad() * (1 - weight));
          if (v.needs(1)) v.set(1, v.grad() * weight);
          if (v.needs(2)) v.set(2, v.grad() * conj_if_complex(v.in(1) - v.in(0)));
        },
    .save = "self if weight, end if weight, weight",
    .kind = Kind::Pointwise,
    .dtypes = kFloatComplex,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& end, const Tensor& weight) {
          if (weight.dim() > 0) return cpu::ternary("lerp", Ternary::Lerp, out, self, end, weight);
          const Params params{item(weight)};
          pointwise("lerp", cpu::ternary_table().lerp_number[static_cast<int>(out.dtype())], out, self, end,
                    out.dtype(), &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&)> addcmul{{
    .schema = "addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    .doc = R"(Elementwise self + value * tensor1 * tensor2.

Shapes: broadcast together. Dtypes: any but bool, promoted.

>>> plait.addcmul(plait.tensor([1.0]), plait.tensor([2.0]), plait.tensor([3.0]), value=0.5)
tensor([4.]))",
    .meta =
        [](const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
          ResultType type;
          for (const Tensor* t : {&self, &tensor1, &tensor2}) type.add(*t);
          check_factor("addcmul", "value", value, type.get());
          return infer::elementwise("addcmul", {&self, &tensor1, &tensor2}, type.get());
        },
    .vjp =
        [](Vjp& v) {
          const Scalar value = conjugate(v.attr<const Scalar&>(3));
          if (v.needs(0)) v.set(0, v.grad());
          if (v.needs(1)) v.set(1, scaled(v.grad() * conj_if_complex(v.in(2)), value));
          if (v.needs(2)) v.set(2, scaled(v.grad() * conj_if_complex(v.in(1)), value));
        },
    .save = "tensor1 if tensor2, tensor2 if tensor1",
    .kind = Kind::Pointwise,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
           const Scalar& value) {
          const Params params{value};
          cpu::ternary("addcmul", Ternary::Addcmul, out, self, tensor1, tensor2, &params);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&)> addcdiv{{
    .schema = "addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    .doc = R"(Elementwise self + value * tensor1 / tensor2.

Shapes: broadcast together. Dtypes: floating and complex, promoted.

>>> plait.addcdiv(plait.tensor([1.0]), plait.tensor([2.0]), plait.tensor([4.0]), value=2)
tensor([2.]))",
    .meta =
        [](const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
          ResultType type;
          for (const Tensor* t : {&self, &tensor1, &tensor2}) type.add(*t);
          check_factor("addcdiv", "value", value, type.get());
          return infer::elementwise("addcdiv", {&self, &tensor1, &tensor2}, type.get());
        },
    .vjp =
        [](Vjp& v) {
          const Scalar value = conjugate(v.attr<const Scalar&>(3));
          if (v.needs(0)) v.set(0, v.grad());
          const Tensor divisor = conj_if_complex(v.in(2));
          if (v.needs(1)) v.set(1, scaled(v.grad() / divisor, value));
          if (v.needs(2)) v.set(2, scaled(-v.grad() * conj_if_complex(v.in(1)) / (divisor * divisor), value));
        },
    .save = "tensor1 if tensor2, tensor2",
    .kind = Kind::Pointwise,
    .dtypes = kFloatComplex,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
           const Scalar& value) {
          const Params params{value};
          cpu::ternary("addcdiv", Ternary::Addcdiv, out, self, tensor1, tensor2, &params);
        },
}};

}  // namespace plait::op
