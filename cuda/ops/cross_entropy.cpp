// Cross-entropy of rows of logits.
#include "cuda/kernels/cross_entropy.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "cuda/ops/rows.h"
#include "ops/decl/cross_entropy.h"

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

CudaKernel rows_kernel(op::_cross_entropy_rows,
                       [](const Tensor& loss, const Tensor& lse, const Tensor& self, const Tensor& target,
                          const Tensor& weight, int64_t ignore, double smoothing) {
                         if (self.sizes()[0] == 0) return;
                         const Rows rows(self, target, weight, ignore, smoothing);
                         cross_entropy(rows.plan, loss.data_ptr(), lse.data_ptr());
                       });

CudaKernel rows_backward_kernel(op::_cross_entropy_rows_backward, [](const Tensor& out, const Tensor& self,
                                                                     const Tensor& logits, const Tensor& lse,
                                                                     const Tensor& target,
                                                                     const Tensor& weight, int64_t ignore,
                                                                     double smoothing) {
  if (out.numel() == 0) return;
  const Rows rows(logits, target, weight, ignore, smoothing);
  const DType compute = logits.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor g = cuda::contiguous(converted(self, logits.dtype())),
               z = cuda::contiguous(converted(lse, compute));
  cross_entropy_backward(rows.plan, g.data_ptr(), z.data_ptr(), out.data_ptr());
});

}  // namespace
}  // namespace plait::cuda
