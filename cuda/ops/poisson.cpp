// Poisson numbers.
#include "ops/decl/poisson.h"

#include "cuda/attach.h"
#include "cuda/kernels/poisson.h"
#include "cuda/ops/elementwise.h"
#include "cuda/runtime/random.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

CudaKernel poisson_kernel(op::poisson, [](const Tensor& out, const Tensor& self, const Generator& g) {
  const RandomState state = philox_state(g);
  if (out.numel() == 0) return;
  const Tensor rates = contiguous(converted(self, DType::Float64));
  const Tensor numbers = empty_tensor(out.sizes(), DType::Float64, out.device());
  poisson(state, rates.data<double>(), numbers.data<double>(), out.numel());
  copy_on_device(out, numbers);
});

}  // namespace
}  // namespace plait::cuda
