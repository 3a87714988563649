// Activation functions and their derivatives, each in one pass.
#include "ops/decl/activation.h"

#include "cuda/ops/attach_pointwise.h"
#include "ops/complex_forms.h"
#include "ops/decl/activation_grad.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

using fn::Activation;
using fn::ActivationGrad;

constexpr double kSeluAlpha = 1.6732632423543772, kSeluScale = 1.0507009873554805;

CudaKernel gelu_kernel(op::gelu, [](const Tensor& out, const Tensor& self, std::string_view approximate) {
  unary("gelu", approximate == "tanh" ? Activation::GeluTanh : Activation::GeluErf, out, self);
});
CudaKernel leaky_relu_kernel(op::leaky_relu, [](const Tensor& out, const Tensor& self, double slope) {
  unary("leaky_relu", Activation::LeakyRelu, out, self, {slope});
});
CudaKernel elu_kernel(op::elu, [](const Tensor& out, const Tensor& self, double alpha) {
  unary("elu", Activation::Elu, out, self, {alpha, 1.0, 1.0});
});
CudaKernel selu_kernel(op::selu, [](const Tensor& out, const Tensor& self) {
  unary("selu", Activation::Elu, out, self, {kSeluAlpha * kSeluScale, kSeluScale, 1.0});
});
CudaKernel celu_kernel(op::celu, [](const Tensor& out, const Tensor& self, double alpha) {
  unary("celu", Activation::Elu, out, self, {alpha, 1.0, 1.0 / alpha});
});
CudaKernel softplus_kernel(op::softplus,
                           [](const Tensor& out, const Tensor& self, double beta, double threshold) {
                             unary("softplus", Activation::Softplus, out, self, {beta, threshold});
                           });
CudaKernel hardtanh_kernel(op::hardtanh,
                           [](const Tensor& out, const Tensor& self, const Scalar& low, const Scalar& high) {
                             unary("hardtanh", Activation::Clamp, out, self, {low, high});
                           });
CudaKernel threshold_kernel(op::threshold, [](const Tensor& out, const Tensor& self, const Scalar& threshold,
                                              const Scalar& value) {
  unary("threshold", Activation::Threshold, out, self, {threshold, value});
});
CudaKernel softshrink_kernel(op::softshrink, [](const Tensor& out, const Tensor& self, double lambda) {
  unary("softshrink", Activation::Softshrink, out, self, {lambda});
});
CudaKernel hardshrink_kernel(op::hardshrink, [](const Tensor& out, const Tensor& self, double lambda) {
  unary("hardshrink", Activation::Hardshrink, out, self, {lambda});
});
CudaKernel logit_kernel(op::logit, [](const Tensor& out, const Tensor& self, std::optional<double> eps) {
  unary("logit", Activation::Logit, out, self, {eps.value_or(-1)});
});

// ---- derivatives

CudaKernel sigmoid_grad(op::_sigmoid_backward, [](const Tensor& out, const Tensor& grad, const Tensor& y) {
  if (is_complex(out.dtype())) return copy_into(out, grad * plait::conj(y * (1 - y)));
  binary("_sigmoid_backward", ActivationGrad::Sigmoid, out, grad, y);
});
CudaKernel tanh_grad(op::_tanh_backward, [](const Tensor& out, const Tensor& grad, const Tensor& y) {
  if (is_complex(out.dtype())) return copy_into(out, grad * plait::conj(1 - y * y));
  binary("_tanh_backward", ActivationGrad::Tanh, out, grad, y);
});
CudaKernel gelu_grad(op::_gelu_backward, [](const Tensor& out, const Tensor& grad, const Tensor& self,
                                            std::string_view approximate) {
  binary("_gelu_backward", approximate == "tanh" ? ActivationGrad::GeluTanh : ActivationGrad::GeluErf, out,
         grad, self);
});
CudaKernel leaky_relu_grad(op::_leaky_relu_backward, [](const Tensor& out, const Tensor& grad,
                                                        const Tensor& self, double slope) {
  binary("_leaky_relu_backward", ActivationGrad::LeakyRelu, out, grad, self, {slope});
});
CudaKernel softplus_grad(op::_softplus_backward, [](const Tensor& out, const Tensor& grad, const Tensor& self,
                                                    double beta, double threshold) {
  binary("_softplus_backward", ActivationGrad::Softplus, out, grad, self, {beta, threshold});
});
CudaKernel elu_grad(op::_elu_backward, [](const Tensor& out, const Tensor& grad, const Tensor& self,
                                          double alpha, double scale, double input_scale) {
  binary("_elu_backward", ActivationGrad::Elu, out, grad, self, {alpha * scale, scale, input_scale});
});
CudaKernel threshold_grad(op::_threshold_backward, [](const Tensor& out, const Tensor& grad,
                                                      const Tensor& self, const Scalar& threshold) {
  binary("_threshold_backward", ActivationGrad::Threshold, out, grad, self, {threshold});
});
CudaKernel shrink_grad(op::_shrink_backward,
                       [](const Tensor& out, const Tensor& grad, const Tensor& self, double lambda) {
                         binary("_shrink_backward", ActivationGrad::Shrink, out, grad, self, {lambda});
                       });
CudaKernel hardtanh_grad(op::_hardtanh_backward, [](const Tensor& out, const Tensor& grad, const Tensor& self,
                                                    const Scalar& low, const Scalar& high) {
  binary("_hardtanh_backward", ActivationGrad::Hardtanh, out, grad, self, {low, high});
});
CudaKernel clamp_grad(op::_clamp_backward, [](const Tensor& out, const Tensor& grad, const Tensor& self,
                                              const Scalar& low, const Scalar& high) {
  binary("_clamp_backward", ActivationGrad::Clamp, out, grad, self, {low, high});
});

const bool attached =
    (unary_op<op::relu, Activation::Relu>(), unary_op<op::sigmoid, fn::Explog::Sigmoid>(),
     unary_op<op::logsigmoid, Activation::LogSigmoid>(),
     unary_op<op::silu, Activation::Silu, complex_forms::silu>(), unary_op<op::mish, Activation::Mish>(),
     unary_op<op::softsign, Activation::Softsign, complex_forms::softsign>(),
     unary_op<op::tanhshrink, Activation::Tanhshrink, complex_forms::tanhshrink>(),
     unary_op<op::hardsigmoid, Activation::Hardsigmoid>(), unary_op<op::hardswish, Activation::Hardswish>(),

     binary_op<op::_silu_backward, ActivationGrad::Silu>(),
     binary_op<op::_mish_backward, ActivationGrad::Mish>(),
     binary_op<op::_hardsigmoid_backward, ActivationGrad::Hardsigmoid>(),
     binary_op<op::_hardswish_backward, ActivationGrad::Hardswish>(),
     binary_op<op::_logsigmoid_backward, ActivationGrad::LogSigmoid>(), true);

}  // namespace
}  // namespace plait::cuda
