// Mantissas and exponents of floating-point numbers.
#include <cmath>

#include "core/strided_iter.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/float_parts.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

using Pair = std::tuple<Tensor, Tensor>;

namespace {

constexpr int kCost = 4;

template <class T>
void loop(char* const* data, const int64_t* strides, int64_t count, const void*) {
  for (int64_t i = 0; i < count; ++i) {
    const compute_t<T> x = *reinterpret_cast<const T*>(data[2] + i * strides[2]);
    int exponent = 0;  // of infinities and NaN C leaves it open
    if (std::isfinite(x))
      *reinterpret_cast<T*>(data[0] + i * strides[0]) = static_cast<T>(std::frexp(x, &exponent));
    else
      *reinterpret_cast<T*>(data[0] + i * strides[0]) = static_cast<T>(x);
    *reinterpret_cast<int32_t*>(data[1] + i * strides[1]) = exponent;
  }
}

}  // namespace

Op<Pair(const Tensor&)> frexp{{
    .schema = "frexp(Tensor self) -> (Tensor mantissa, Tensor exponent)",
    .doc =
        R"(Mantissas and exponents (int32) with self = mantissa * 2^exponent and 1/2 <= |mantissa| < 1. Both are 0 for 0, and the exponent
of infinities and NaN is 0. The derivative of the mantissa is 2^-exponent.

Dtypes: floating.

>>> plait.frexp(plait.tensor([6.0])).mantissa
tensor([0.7500]))",
    .meta = [](const Tensor& self) -> std::array<TensorSpec, 2> {
      return {infer::like(self), infer::like(self, DType::Int32)};
    },
    .vjp =
        [](Vjp& v) {
          const Tensor g = v.grad(0);
          if (!g.defined()) return;
          // In two factors, since 2^-exponent of the smallest numbers is out of range.
          const Tensor exponent = plait::_convert(v.out(1), g.dtype()), half = plait::trunc(exponent * 0.5);
          v.set(0, g * plait::exp2(-half) * plait::exp2(half - exponent));
        },
    .save = "exponent",
    .dtypes = kFloatDTypes,
    .out = true,
    .cpu =
        [](const Tensor& mantissa, const Tensor& exponent, const Tensor& self) {
          StridedIter iter;
          iter.output(mantissa);
          iter.output(exponent);
          iter.input(self);
          iter.build();
          visit(self.dtype(), [&]<class T>() {
            if constexpr (std::is_floating_point_v<compute_t<T>>) iter.run(&loop<T>, nullptr, kCost);
          });
        },
}};

}  // namespace plait::op
