// Fractional max pooling.
#include "cuda/kernels/fractional_pool.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/fractional_max_pool.h"

namespace plait::cuda {
namespace {

CudaKernel fractional_max_pool_kernel(op::_fractional_max_pool, [](const Tensor& values,
                                                                   const Tensor& indices, const Tensor& self,
                                                                   IntSpan kernel, IntSpan,
                                                                   const Tensor& samples) {
  if (values.numel() == 0) return;
  FractionalPoolPlan plan{};
  plan.dtype = self.dtype();
  plan.rank = static_cast<int>(self.dim()) - 2;
  plan.planes = self.sizes()[0] * self.sizes()[1];
  plan.channels = self.sizes()[1];
  plan.strides[0] = self.strides()[0];
  plan.strides[1] = self.strides()[1];
  for (int i = 0; i < plan.rank; ++i) {
    const int to = 3 - plan.rank + i;
    plan.in[to] = self.sizes()[2 + i];
    plan.out[to] = values.sizes()[2 + i];
    plan.kernel[to] = kernel[static_cast<size_t>(i)];
    plan.strides[2 + to] = self.strides()[2 + i];
  }
  const auto target = [](const Tensor& t) {
    return t.is_contiguous() ? t : empty_tensor(t.sizes(), t.dtype(), t.device());
  };
  const Tensor y = target(values), places = target(indices);
  fractional_max_pool(plan, self.data_ptr(), contiguous(samples).data_ptr(), y.data_ptr(),
                      places.data<int64_t>());
  if (!y.same(values)) copy_on_device(values, y);
  if (!places.same(indices)) copy_on_device(indices, places);
});

}  // namespace
}  // namespace plait::cuda
