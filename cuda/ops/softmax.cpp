// Softmax, log-softmax and their derivatives.
#include "cuda/kernels/softmax.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/rows.h"
#include "ops/decl/softmax.h"
#include "ops/decl/view.h"

namespace plait::cuda {
namespace {

SoftmaxPlan plan_of(const Tensor& out, int64_t dim, bool log) {
  SoftmaxPlan plan{out.dtype(), 1, 1, 1, log};
  const int d = wrap_dim(dim, out.dim(), "softmax");
  for (int i = 0; i < out.dim(); ++i) (i < d ? plan.outer : i == d ? plan.n : plan.inner) *= out.sizes()[i];
  return plan;
}

// Few long columns would leave most of the device idle: they are turned into rows.
bool better_as_rows(const SoftmaxPlan& p) { return p.inner > 1 && p.n >= 512 && p.outer * p.inner < 16384; }
Tensor as_rows(const Tensor& t, int64_t dim) { return cuda::contiguous(plait::transpose(t, dim, -1)); }

void forward(const Tensor& out, const Tensor& self, int64_t dim, bool log) {
  if (out.numel() == 0) return;
  SoftmaxPlan plan = plan_of(out, dim, log);
  if (better_as_rows(plan)) {
    const Tensor x = as_rows(self, dim), y = empty_tensor(x.sizes(), x.dtype(), x.device());
    forward(y, x, -1, log);
    return copy_on_device(out, plait::transpose(y, dim, -1));
  }
  int64_t row_stride = plan.n;
  const Tensor x = plan.inner == 1 ? as_strided_rows(self, plan.n, &row_stride) : cuda::contiguous(self);
  softmax(plan, x.data_ptr(), row_stride, out.data_ptr());
}

void backward(const Tensor& out, const Tensor& grad, const Tensor& result, int64_t dim, bool log) {
  if (out.numel() == 0) return;
  const SoftmaxPlan plan = plan_of(out, dim, log);
  const Tensor g = converted(grad, out.dtype()), y = converted(result, out.dtype());
  if (better_as_rows(plan)) {
    const Tensor dx = empty_tensor(plait::transpose(out, dim, -1).sizes(), out.dtype(), out.device());
    backward(dx, as_rows(g, dim), as_rows(y, dim), -1, log);
    return copy_on_device(out, plait::transpose(dx, dim, -1));
  }
  softmax_backward(plan, cuda::contiguous(g).data_ptr(), cuda::contiguous(y).data_ptr(), out.data_ptr());
}

CudaKernel softmax_kernel(op::_softmax, [](const Tensor& out, const Tensor& self, int64_t dim) {
  forward(out, self, dim, false);
});
CudaKernel log_softmax_kernel(op::_log_softmax, [](const Tensor& out, const Tensor& self, int64_t dim) {
  forward(out, self, dim, true);
});
CudaKernel softmax_backward_kernel(op::_softmax_backward,
                                   [](const Tensor& out, const Tensor& self, const Tensor& output,
                                      int64_t dim) { backward(out, self, output, dim, false); });
CudaKernel log_softmax_backward_kernel(op::_log_softmax_backward,
                                       [](const Tensor& out, const Tensor& self, const Tensor& output,
                                          int64_t dim) { backward(out, self, output, dim, true); });

}  // namespace
}  // namespace plait::cuda
