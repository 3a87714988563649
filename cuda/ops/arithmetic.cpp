// Sums, products, quotients, powers, comparisons, bits, and other functions of two tensors.
#include "ops/decl/arithmetic.h"
#include "ops/decl/activation.h"

#include "cuda/ops/attach_pointwise.h"
#include "ops/complex_forms.h"
#include "ops/decl/compare.h"
#include "ops/decl/logical.h"
#include "ops/decl/power.h"
#include "ops/next_float.h"

namespace plait::cuda {
namespace {

using fn::Binary;
using fn::BinaryMath;
using fn::Bits;
using fn::Compare;
using fn::Division;
using fn::MinMax;
using fn::Test;

CudaKernel add_kernel(op::add, [](const Tensor& out, const Tensor& self, const Tensor& other,
                                  const Scalar& alpha) { add_scaled("add", out, self, other, alpha); });
CudaKernel sub_kernel(op::sub,
                      [](const Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
                        if (alpha.equals(1)) return binary("sub", Binary::Sub, out, self, other);
                        add_scaled("sub", out, self, other, -alpha);
                      });
CudaKernel div_mode_kernel(op::div_mode, [](const Tensor& out, const Tensor& self, const Tensor& other,
                                            std::optional<std::string_view> mode) {
  if (!mode) return binary("div", Binary::Div, out, self, other);
  divide("div", *mode == "floor" ? Division::Floor : Division::Trunc, out, self, other);
});

// A power that is a simpler function of the base, for one exponent of all elements.
bool simple_power(const Tensor& out, const Tensor& a, double exponent) {
  using fn::Unary;
  Unary f;
  if (exponent == 2)
    f = Unary::Square;
  else if (is_integral(out.dtype(), true))
    return false;
  else if (exponent == 3)
    f = Unary::Cube;
  else if (exponent == 0.5)
    f = Unary::Sqrt;
  else if (exponent == -1)
    f = Unary::Reciprocal;
  else if (exponent == -2)
    f = Unary::InverseSquare;
  else if (exponent == -0.5)
    f = Unary::Rsqrt;
  else
    return false;
  unary("pow", f, out, a);
  return true;
}

// An exponent that lies on the device is not looked at, as that would wait for it.
CudaKernel pow_kernel(op::pow, [](const Tensor& out, const Tensor& a, const Tensor& b) {
  const DType d = out.dtype();
  if (is_number(b)) {
    const Scalar exponent = item(b);
    if (!exponent.is_complex()) {
      const double e = exponent.to<double>();
      check<RuntimeError>(
          e >= 0 || !is_integral(d, true),
          "pow: integers to negative integer powers are not allowed (exponent {}); make self a float tensor",
          e);
      if (simple_power(out, a, e)) return;
    }
  } else if (is_number(a) && is_floating(d) && item(a).equals(2)) {
    return unary("pow", fn::Explog::Exp2, out, b);
  }
  binary("pow", BinaryMath::Pow, out, a, b);
});

CudaKernel logaddexp_kernel(op::logaddexp, [](const Tensor& out, const Tensor& self, const Tensor& other) {
  if (is_complex(out.dtype())) return complex_forms::logaddexp(out, self, other);
  binary("logaddexp", BinaryMath::LogAddExp, out, self, other);
});

CudaKernel nextafter_kernel(op::nextafter, [](const Tensor& out, const Tensor& self, const Tensor& other) {
  if (itemsize(out.dtype()) == 2) return next_16_bit_float(out, self, other);
  binary("nextafter", BinaryMath::NextAfter, out, self, other);
});

const bool attached =
    (binary_op<op::mul, Binary::Mul>(), binary_op<op::div, Binary::Div>(),
     division_op<op::floor_divide, Division::Floor>(), division_op<op::remainder, Division::Remainder>(),
     division_op<op::fmod, Division::Fmod>(), division_op<op::gcd, Division::Gcd>(),
     division_op<op::lcm, Division::Lcm>(),

     binary_op<op::maximum, MinMax::Maximum>(), binary_op<op::minimum, MinMax::Minimum>(),
     binary_op<op::fmax, MinMax::Fmax>(), binary_op<op::fmin, MinMax::Fmin>(),
     binary_op<op::atan2, BinaryMath::Atan2>(), binary_op<op::hypot, BinaryMath::Hypot>(),
     binary_op<op::logaddexp2, BinaryMath::LogAddExp2>(), binary_op<op::copysign, BinaryMath::CopySign>(),
     binary_op<op::heaviside, BinaryMath::Heaviside>(), binary_op<op::_prelu, BinaryMath::Prelu>(),

     binary_op<op::bitwise_and, Bits::And>(), binary_op<op::bitwise_or, Bits::Or>(),
     binary_op<op::bitwise_xor, Bits::Xor>(), binary_op<op::bitwise_left_shift, Bits::ShiftLeft>(),
     binary_op<op::bitwise_right_shift, Bits::ShiftRight>(),

     compare_op<op::eq, Compare::Equal>(), compare_op<op::ne, Compare::NotEqual>(),
     compare_op<op::lt, Compare::Less>(), compare_op<op::le, Compare::LessEqual>(),
     compare_op<op::gt, Compare::Less, true>(), compare_op<op::ge, Compare::LessEqual, true>(),
     compare_op<op::logical_and, Compare::And>(), compare_op<op::logical_or, Compare::Or>(),
     compare_op<op::logical_xor, Compare::Xor>(),

     test_op<op::logical_not, Test::Not>(), test_op<op::isnan, Test::Nan>(), test_op<op::isinf, Test::Inf>(),
     test_op<op::isfinite, Test::Finite>(), test_op<op::signbit, Test::Negative>(), true);

}  // namespace
}  // namespace plait::cuda
