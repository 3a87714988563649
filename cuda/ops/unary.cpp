// Functions of one tensor: signs, roundings, exponentials, trigonometric and special functions, complex
// parts.
#include "ops/decl/unary.h"

#include <cmath>

#include "cuda/ops/attach_pointwise.h"
#include "ops/decl/complex.h"
#include "ops/decl/exponential.h"
#include "ops/decl/logical.h"
#include "ops/decl/special.h"
#include "ops/decl/trigonometric.h"
#include "ops/dtype_limits.h"

namespace plait::cuda {
namespace {

using fn::Explog;
using fn::Special;
using fn::Trig;
using fn::Unary;

void copy_unless_same(const Tensor& out, const Tensor& self) {
  if (out.data_ptr() != self.data_ptr()) copy_on_device(out, self);
}

// Integers are whole already.
void round_by(const char* op, Unary f, const Tensor& out, const Tensor& self) {
  is_integral(self.dtype(), true) ? copy_unless_same(out, self) : unary(op, f, out, self);
}
template <auto& O, Unary F>
void rounding_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self) { round_by(O.name(), F, out, self); });
}

CudaKernel round_kernel(op::round, [](const Tensor& out, const Tensor& self, int64_t decimals) {
  if (decimals == 0 || is_integral(self.dtype())) return round_by("round", Unary::Round, out, self);
  unary("round", Unary::RoundDecimals, out, self,
        {std::pow(10.0, std::abs(static_cast<double>(decimals))), decimals < 0});
});

CudaKernel abs_kernel(op::abs, [](const Tensor& out, const Tensor& self) {
  if (!is_complex(self.dtype())) return unary("abs", Unary::Abs, out, self);
  run_elementwise("abs", modulus_launcher(self.dtype()), self.dtype(), out, {&self});
});

CudaKernel angle_kernel(op::angle, [](const Tensor& out, const Tensor& self) {
  if (!is_complex(self.dtype())) return unary("angle", Unary::Angle, out, self);
  run_elementwise("angle", argument_launcher(self.dtype()), self.dtype(), out, {&self});
});

CudaKernel complex_kernel(op::complex, [](const Tensor& out, const Tensor& real, const Tensor& imag) {
  const DType dtype = to_real(out.dtype());
  run_elementwise("complex", join_launcher(dtype), dtype, out, {&real, &imag});
});

void nan_to_num_into(const Tensor& out, const Tensor& self, std::optional<double> nan,
                     std::optional<double> posinf, std::optional<double> neginf) {
  const DType d = self.dtype();
  if (is_complex(d))  // part by part
    return nan_to_num_into(plait::view_as_real(detached_alias(out)),
                           plait::view_as_real(detached_alias(self)), nan, posinf, neginf);
  if (is_integral(d, true)) return copy_unless_same(out, self);
  const double largest = op::largest_number(d);
  unary("nan_to_num", Unary::NanToNum, out, self,
        {nan.value_or(0), posinf.value_or(largest), neginf.value_or(-largest)});
}
CudaKernel nan_to_num_kernel(op::nan_to_num,
                             [](const Tensor& out, const Tensor& self, std::optional<double> nan,
                                std::optional<double> posinf, std::optional<double> neginf) {
                               nan_to_num_into(out, self, nan, posinf, neginf);
                             });

CudaKernel deg2rad_kernel(op::deg2rad, [](const Tensor& out, const Tensor& self) {
  unary("deg2rad", Unary::Scale, out, self, {M_PI / 180});
});
CudaKernel rad2deg_kernel(op::rad2deg, [](const Tensor& out, const Tensor& self) {
  unary("rad2deg", Unary::Scale, out, self, {180 / M_PI});
});

CudaKernel polygamma_kernel(op::_polygamma, [](const Tensor& out, const Tensor& self, int64_t n) {
  const PointwiseParams params = pointwise_params(0, {n});
  run_elementwise("polygamma", polygamma_launcher(out.dtype()), out.dtype(), out, {&self}, &params);
});

const bool attached =
    (unary_op<op::neg, Unary::Neg>(), unary_op<op::sign, Unary::Sign>(),
     unary_op<op::square, Unary::Square>(), unary_op<op::frac, Unary::Frac>(),
     unary_op<op::bitwise_not, Unary::BitwiseNot>(), unary_op<op::_conj, Unary::Conj>(),
     rounding_op<op::floor, Unary::Floor>(), rounding_op<op::ceil, Unary::Ceil>(),
     rounding_op<op::trunc, Unary::Trunc>(),

     unary_op<op::sqrt, Unary::Sqrt>(), unary_op<op::rsqrt, Unary::Rsqrt>(),
     unary_op<op::reciprocal, Unary::Reciprocal>(), unary_op<op::exp, Explog::Exp>(),
     unary_op<op::exp2, Explog::Exp2>(), unary_op<op::expm1, Explog::Expm1>(),
     unary_op<op::log, Explog::Log>(), unary_op<op::log2, Explog::Log2>(),
     unary_op<op::log10, Explog::Log10>(), unary_op<op::log1p, Explog::Log1p>(),

     unary_op<op::sin, Trig::Sin>(), unary_op<op::cos, Trig::Cos>(), unary_op<op::tan, Trig::Tan>(),
     unary_op<op::sinc, Trig::Sinc>(), unary_op<op::asin, Trig::Asin>(), unary_op<op::acos, Trig::Acos>(),
     unary_op<op::atan, Trig::Atan>(), unary_op<op::sinh, Trig::Sinh>(), unary_op<op::cosh, Trig::Cosh>(),
     unary_op<op::tanh, Trig::Tanh>(), unary_op<op::asinh, Trig::Asinh>(), unary_op<op::acosh, Trig::Acosh>(),
     unary_op<op::atanh, Trig::Atanh>(),

     unary_op<op::erf, Special::Erf>(), unary_op<op::erfc, Special::Erfc>(),
     unary_op<op::erfinv, Special::Erfinv>(), unary_op<op::special_entr, Special::Entr>(),
     unary_op<op::lgamma, Special::Lgamma>(), unary_op<op::digamma, Special::Digamma>(),
     unary_op<op::_trigamma, Special::Trigamma>(), binary_op<op::xlogy, fn::BinaryMath::XLogY>(),
     binary_op<op::special_xlog1py, fn::BinaryMath::XLog1pY>(), true);

}  // namespace
}  // namespace plait::cuda
