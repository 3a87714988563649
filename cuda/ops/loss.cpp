// Losses.
#include "cuda/kernels/loss.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "ops/decl/cross_entropy.h"
#include "ops/decl/loss.h"

namespace plait::cuda {
namespace {

CudaKernel squared_distance_kernel(op::_squared_distance, [](const Tensor& out, const Tensor& self,
                                                             const Tensor& target, bool mean) {
  Reduction sum = plan_reduction(self, (DimMask{1} << self.dim()) - 1);
  sum.plan.other = static_cast<const char*>(target.data_ptr());
  sum.plan.out[0] = static_cast<char*>(out.data_ptr());
  sum.plan.params.divisor = mean ? static_cast<double>(self.numel()) : 1;
  squared_distance(self.dtype(), sum.plan);
});

// The host does not wait: a bad element is reported when it does.
CudaDirect check_probabilities_kernel(op::_check_probabilities, [](const Tensor& self) {
  if (!is_floating(self.dtype()) || self.numel() == 0) return;
  const Tensor x = cuda::contiguous(self);
  check_probabilities(x.dtype(), x.data_ptr(), x.numel(), fault_slot());
});

CudaKernel class_targets_kernel(op::_class_targets, [](const Tensor& out, const Tensor& self, int64_t classes,
                                                       int64_t ignore) {
  if (self.numel() == 0) return;
  const Tensor t = cuda::contiguous(self);
  const Tensor to = out.is_contiguous() ? out : empty_tensor(out.sizes(), out.dtype(), out.device());
  class_targets(t.data<int64_t>(), t.numel(), classes, ignore, to.data<int64_t>(), fault_slot());
  if (!to.same(out)) copy_on_device(out, to);
});

}  // namespace
}  // namespace plait::cuda
