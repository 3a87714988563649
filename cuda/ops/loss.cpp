// Losses.
#include "cuda/kernels/loss.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/pointwise.h"
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

// Of contiguous targets and weights.
NllPlan nll_plan(DType dtype, int64_t classes, const Tensor& target, const Tensor& weight, int64_t ignore) {
  return {dtype,
          target.sizes()[0],
          classes,
          target.sizes()[1],
          target.data<int64_t>(),
          weight.defined() ? weight.data_ptr() : nullptr,
          ignore,
          fault_slot()};
}
Tensor contiguous_or_none(const Tensor& t) { return t.defined() ? cuda::contiguous(t) : t; }

CudaKernel nll_terms_kernel(op::_nll_terms, [](const Tensor& out, const Tensor& self, const Tensor& target,
                                               const Tensor& weight, int64_t ignore) {
  if (target.numel() == 0) return;
  const Tensor t = cuda::contiguous(target), w = contiguous_or_none(weight);
  const int64_t strides[3] = {self.strides()[0], self.strides()[1], self.strides()[2]};
  nll_terms(nll_plan(self.dtype(), self.sizes()[1], t, w, ignore), self.data_ptr(), strides, out.data_ptr());
});

CudaKernel nll_terms_backward_kernel(op::_nll_terms_backward, [](const Tensor& out, const Tensor& self,
                                                                 const Tensor& target, const Tensor& weight,
                                                                 int64_t classes, int64_t ignore) {
  if (target.numel() == 0) return;
  const Tensor g = cuda::contiguous(self), t = cuda::contiguous(target), w = contiguous_or_none(weight);
  fill(out, 0);
  nll_terms_backward(nll_plan(self.dtype(), classes, t, w, ignore), g.data_ptr(), out.data_ptr());
});

}  // namespace
}  // namespace plait::cuda
