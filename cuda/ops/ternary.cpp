// Choices, limits, blends and fused products.
#include "ops/decl/ternary.h"
#include "ops/decl/loss.h"

#include <limits>

#include "cuda/ops/attach_pointwise.h"

namespace plait::cuda {
namespace {

using fn::MinMax;
using fn::Ternary;

CudaKernel where_kernel(op::where, [](const Tensor& out, const Tensor& condition, const Tensor& self,
                                      const Tensor& other) { where("where", out, condition, self, other); });
CudaKernel masked_fill_kernel(op::masked_fill,
                              [](const Tensor& out, const Tensor& self, const Tensor& mask,
                                 const Tensor& value) { where("masked_fill", out, mask, value, self); });

CudaKernel clamp_kernel(op::clamp, [](const Tensor& out, const Tensor& self, std::optional<Scalar> min,
                                      std::optional<Scalar> max) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  unary("clamp", fn::Activation::Clamp, out, self,
        {min.value_or(Scalar(-kInfinity)), max.value_or(Scalar(kInfinity))});
});
CudaKernel clamp_tensor_kernel(op::clamp_Tensor, [](const Tensor& out, const Tensor& self, const Tensor& min,
                                                    const Tensor& max) {
  if (!min.defined()) return binary("clamp", MinMax::Minimum, out, self, max);
  if (!max.defined()) return binary("clamp", MinMax::Maximum, out, self, min);
  ternary("clamp", Ternary::Clamp, out, self, min, max);
});

CudaKernel lerp_kernel(op::lerp,
                       [](const Tensor& out, const Tensor& self, const Tensor& end, const Tensor& weight) {
                         ternary("lerp", Ternary::Lerp, out, self, end, weight);
                       });
CudaKernel addcmul_kernel(op::addcmul, [](const Tensor& out, const Tensor& self, const Tensor& tensor1,
                                          const Tensor& tensor2, const Scalar& value) {
  ternary("addcmul", Ternary::Addcmul, out, self, tensor1, tensor2, {value});
});
CudaKernel addcdiv_kernel(op::addcdiv, [](const Tensor& out, const Tensor& self, const Tensor& tensor1,
                                          const Tensor& tensor2, const Scalar& value) {
  ternary("addcdiv", Ternary::Addcdiv, out, self, tensor1, tensor2, {value});
});

const bool attached =
    (binary_op<op::clamp_min, MinMax::Maximum>(), binary_op<op::clamp_max, MinMax::Minimum>(), true);

CudaKernel scaled_difference_kernel(op::_scaled_difference, [](const Tensor& out, const Tensor& self,
                                                               const Tensor& other, const Tensor& scale) {
  ternary("mse_loss", Ternary::ScaledDifference, out, self, other, scale);
});

CudaKernel huber_kernel(op::_huber,
                        [](const Tensor& out, const Tensor& self, const Tensor& other, double delta) {
                          ternary("huber_loss", Ternary::Huber, out, self, other, wrapped_scalar(delta));
                        });
CudaKernel clamped_difference_kernel(op::_clamped_difference, [](const Tensor& out, const Tensor& self,
                                                                 const Tensor& other, double delta) {
  ternary("huber_loss", Ternary::ClampedDifference, out, self, other, wrapped_scalar(delta));
});

}  // namespace
}  // namespace plait::cuda
