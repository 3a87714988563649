// Mantissas and exponents of floating-point numbers.
#include <algorithm>
#include <bit>

#include "core/strided_copy.h"
#include "core/strided_iter.h"
#include "ops/cpu/convert.h"
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

// Where the parts of a float's bits are.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Bits = int32_t;
  static constexpr int kMantissa = 23, kHalf = 126;  // the exponent of 1/2 is stored as that
};
template <>
struct Format<double> {
  using Bits = int64_t;
  static constexpr int kMantissa = 52, kHalf = 1022;
};

// By the bits, without a branch, so that compilers make vectors of it. Of infinities and NaN C leaves the
// exponent open; here it is 0.
template <class T>
void split(const T* x, T* mantissa, int32_t* exponent, int64_t count) {
  using F = Format<T>;
  using Bits = typename F::Bits;
  constexpr Bits kHalf = Bits{F::kHalf} << F::kMantissa, kExponents = (2 * Bits{F::kHalf} + 3)
                                                                      << F::kMantissa;
  constexpr T kScale = T(Bits{1} << (F::kMantissa + 1));  // the smallest numbers are not stored with one
  for (int64_t i = 0; i < count; ++i) {
    const auto of = std::bit_cast<Bits>(x[i]), scaled = std::bit_cast<Bits>(x[i] * kScale);
    const Bits small = -Bits{(of & kExponents) == 0}, whole = -Bits{(of & kExponents) != kExponents};
    const Bits bits = (of & ~small) | (scaled & small);
    const Bits parts = -Bits{(bits & kExponents) != 0} & whole;  // 0, infinities and NaN are not taken apart
    const Bits stored = (bits & kExponents) >> F::kMantissa;
    exponent[i] = static_cast<int32_t>((stored - F::kHalf - ((F::kMantissa + 1) & small)) & parts);
    mantissa[i] = std::bit_cast<T>((((bits & ~kExponents) | kHalf) & parts) | (of & ~parts));
  }
}

template <class T>
void split_all(T* x, T* mantissa, int32_t* exponent, int64_t count) {
  if constexpr (sizeof(T) > 2) {
    split(x, mantissa, exponent, count);
  } else {
    constexpr int64_t kBlock = 256;
    float values[kBlock], mantissas[kBlock];
    for (int64_t i = 0; i < count; i += kBlock) {
      const int64_t n = std::min(kBlock, count - i);
      cpu::convert_block(values, DType::Float32, x + i, dtype_of<T>, n);
      split(values, mantissas, exponent + i, n);
      cpu::convert_block(mantissa + i, dtype_of<T>, mantissas, DType::Float32, n);
    }
  }
}
template <class T>
void loop(char* const* data, const int64_t* strides, int64_t count, const void*) {
  const bool repeated = strides[2] == 0;
  split_all(reinterpret_cast<T*>(data[2]), reinterpret_cast<T*>(data[0]), reinterpret_cast<int32_t*>(data[1]),
            repeated ? 1 : count);
  if (!repeated) return;
  for (int k = 0; k < 2; ++k) strided_copy(strides[k])(data[k], strides[k], data[k], 0, count);
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
