// Cross-entropy of rows of logits.
#include "cuda/kernels/cross_entropy.h"

#include <limits>

#include "cuda/attach.h"
#include "cuda/kernels/loss.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "cuda/ops/rows.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/cross_entropy.h"
#include "ops/decl/view.h"

namespace plait::cuda {
namespace {

// The tensors that a plan points into.
struct Rows {
  Tensor logits, target, weight, weight_sum;
  CrossEntropyPlan plan;

  Rows(const Tensor& x, const Tensor& classes, const Tensor& class_weights, int64_t ignore,
       double smoothing) {
    const DType compute = x.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
    int64_t stride = 0;
    logits = as_strided_rows(x, x.sizes()[1], &stride);
    target = cuda::contiguous(classes);
    if (class_weights.defined()) {
      weight = cuda::contiguous(converted(class_weights, compute));
      weight_sum = empty_tensor(Dims(), compute, x.device());
      run_reduce("cross_entropy", ReduceOp::Sum, weight, 1, &weight_sum);
    }
    plan = {x.dtype(),
            x.sizes()[0],
            x.sizes()[1],
            stride,
            logits.data_ptr(),
            target.data<int64_t>(),
            weight.defined() ? weight.data_ptr() : nullptr,
            weight.defined() ? weight_sum.data_ptr() : nullptr,
            ignore,
            smoothing,
            fault_slot()};
  }
};

CudaKernel rows_kernel(op::_cross_entropy_rows, [](const Tensor& loss, const Tensor& lse, const Tensor& self,
                                                   const Tensor& target, const Tensor& weight, int64_t ignore,
                                                   double smoothing, bool) {
  if (self.sizes()[0] == 0) return;
  const Rows rows(self, target, weight, ignore, smoothing);
  const Tensor losses =
      loss.dtype() == lse.dtype() ? loss : empty_tensor(loss.sizes(), lse.dtype(), loss.device());
  cross_entropy(rows.plan, losses.data_ptr(), lse.data_ptr());
  if (!losses.same(loss)) copy_on_device(loss, losses);
});

CudaKernel rows_backward_kernel(op::_cross_entropy_rows_backward, [](const Tensor& out, const Tensor& self,
                                                                     const Tensor& logits, const Tensor& lse,
                                                                     const Tensor& target,
                                                                     const Tensor& weight, int64_t ignore,
                                                                     double smoothing) {
  if (out.numel() == 0) return;
  const Rows rows(logits, target, weight, ignore, smoothing);
  const DType compute = logits.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor g = cuda::contiguous(converted(self, compute)), z = cuda::contiguous(converted(lse, compute));
  cross_entropy_backward(rows.plan, g.data_ptr(), z.data_ptr(), out.data_ptr());
});

CudaKernel with_grad_kernel(op::_cross_entropy_with_grad, [](const Tensor& loss, const Tensor& grad,
                                                             const Tensor& self, const Tensor& target,
                                                             const Tensor& weight, int64_t ignore, bool mean,
                                                             double smoothing, bool) {
  if (self.sizes()[0] == 0) {
    copy_into(loss, wrapped_scalar(mean ? std::numeric_limits<double>::quiet_NaN() : 0.0));
    return;
  }
  const Rows rows(self, target, weight, ignore, smoothing);
  if (is_small_cross_entropy(rows.plan))
    return small_cross_entropy_with_grad(rows.plan, mean, loss.dtype() != self.dtype(), loss.data_ptr(),
                                         grad.data_ptr());
  const DType compute = self.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor losses = empty_tensor(target.sizes(), compute, self.device()),
               sum = loss.dtype() == compute ? loss : empty_tensor(Dims(), compute, self.device());
  Tensor divisor;
  if (mean) {
    divisor = empty_tensor(Dims(), compute, self.device());
    Reduction targets = plan_reduction(rows.target, 1);
    targets.plan.out[0] = static_cast<char*>(divisor.data_ptr());
    target_weights(rows.plan, targets.plan);
  }
  cross_entropy_with_grad(rows.plan, mean ? divisor.data_ptr() : nullptr, losses.data_ptr(), grad.data_ptr());
  run_reduce("cross_entropy", ReduceOp::Sum, losses, 1, &sum);
  if (!sum.same(loss)) copy_on_device(loss, sum);
});

// Of elements that lie alike in both; others are left to the product.
CudaKernel scale_kernel(op::_scale, [](const Tensor& out, const Tensor& self, const Tensor& factor) {
  if (out.strides() == self.strides() && is_dense(self.sizes(), self.strides())) {
    scale(self.dtype(), self.data_ptr(), self.numel(), factor.dtype(), factor.data_ptr(), out.data_ptr());
    return;
  }
  op::mul.out({&out, 1}, self, plait::reshape(converted(factor, self.dtype()), Dims()));
});

}  // namespace
}  // namespace plait::cuda
