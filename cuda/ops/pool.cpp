// Max and average pooling.
#include "cuda/kernels/pool.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "ops/cpu/channel_layout.h"
#include "ops/decl/avg_pool.h"
#include "ops/decl/copy.h"
#include "ops/decl/max_pool.h"
#include "ops/pool_common.h"

namespace plait::cuda {
namespace {

using cpu::ChannelLayout;

// The windows over inputs and outputs of these sizes; with an empty kernel they follow from the sizes.
PoolPlan plan_of(const Dims& in, const Dims& out, DType dtype, IntSpan kernel = {}, IntSpan stride = {},
                 IntSpan padding = {}, IntSpan dilation = {}) {
  PoolPlan plan{};
  plan.dtype = dtype;
  plan.batch = in[0];
  plan.channels = in[1];
  const int n = in.size() - 2;
  for (int i = 0; i < n; ++i) {
    PoolPlan::Axis& a = plan.axes[3 - n + i];
    const auto k = static_cast<size_t>(i);
    a.in = in[2 + i];
    a.out = out[2 + i];
    a.kernel = kernel.empty() ? 0 : kernel[k];
    if (kernel.empty()) continue;
    a.stride = stride[k];
    a.padding = padding[k];
    a.dilation = dilation.empty() ? 1 : dilation[k];
    check<NotImplementedError>(
        a.kernel * a.dilation + a.padding < (int64_t{1} << 31) - a.in,
        "pooling on cuda: kernel_size {} with dilation {} is more than is counted in 32 "
        "bits; use the CPU",
        a.kernel, a.dilation);
  }
  for (const PoolPlan::Axis& a : plan.axes)
    check<NotImplementedError>(a.in < (int64_t{1} << 30) && a.out < (int64_t{1} << 30),
                               "pooling on cuda: a spatial size of {} is more than 2^30; use the CPU", a.in);
  return plan;
}
// What is read may lie anyhow.
void read_from(PoolPlan& plan, const Tensor& t) {
  const int n = t.sizes().size() - 2;
  plan.strides[0] = t.strides()[0];
  plan.strides[1] = t.strides()[1];
  for (int d = 0; d < 3; ++d) plan.strides[2 + d] = d < 3 - n ? 0 : t.strides()[2 + d - (3 - n)];
}
// What is written: the result where it is dense in one of the two orders, else a tensor to be copied into it.
Tensor write_to(PoolPlan& plan, const Tensor& result) {
  plan.channels_innermost = cpu::channel_layout(result) == ChannelLayout::Rows;
  if (cpu::has_layout(result, cpu::channel_layout(result))) return result;
  return empty_tensor(result.sizes(), result.dtype(), result.device());
}
void deliver(const Tensor& result, const Tensor& computed) {
  if (!computed.same(result)) copy_on_device(result, computed);
}

// Undefined indices are not written.
void max_into(PoolPlan plan, const Tensor& values, const Tensor& indices, const Tensor& self) {
  if (values.numel() == 0) return;
  read_from(plan, self);
  const Tensor to = write_to(plan, values), places = indices.defined() ? write_to(plan, indices) : indices;
  max_pool(plan, self.data_ptr(), to.data_ptr(), places.defined() ? places.data<int64_t>() : nullptr);
  deliver(values, to);
  if (places.defined()) deliver(indices, places);
}
CudaKernel max_pool_kernel(op::_max_pool, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                             IntSpan kernel, IntSpan stride, IntSpan padding,
                                             IntSpan dilation, bool) {
  max_into(plan_of(self.sizes(), values.sizes(), self.dtype(), kernel, stride, padding, dilation), values,
           indices, self);
});
CudaKernel max_pool_values_kernel(op::_max_pool_values, [](const Tensor& out, const Tensor& self,
                                                           IntSpan kernel, IntSpan stride, IntSpan padding,
                                                           IntSpan dilation, bool) {
  max_into(plan_of(self.sizes(), out.sizes(), self.dtype(), kernel, stride, padding, dilation), out, Tensor(),
           self);
});
CudaKernel adaptive_max_pool_kernel(op::_adaptive_max_pool, [](const Tensor& values, const Tensor& indices,
                                                               const Tensor& self, IntSpan) {
  max_into(plan_of(self.sizes(), values.sizes(), self.dtype()), values, indices, self);
});

// A tensor with the strides of another, copied where it has others.
Tensor laid_out_like(const Tensor& t, const Tensor& model) {
  if (t.strides() == model.strides()) return t;
  const Tensor out = empty_tensor(TensorSpec(t.sizes(), t.dtype(), t.device(), model.strides()));
  copy_on_device(out, t);
  return out;
}
CudaKernel max_pool_backward_kernel(op::_max_pool_backward, [](const Tensor& out, const Tensor& self,
                                                               const Tensor& indices, IntSpan, IntSpan kernel,
                                                               IntSpan stride, IntSpan padding,
                                                               IntSpan dilation) {
  if (out.numel() == 0) return;
  if (self.numel() == 0) return (void)plait::zero_(out);
  PoolPlan plan = plan_of(out.sizes(), self.sizes(), out.dtype(), kernel, stride, padding, dilation);
  const Tensor g = converted(self, out.dtype());
  const ChannelLayout layout = cpu::channel_layout(out);
  const Tensor dy = cpu::has_layout(g, layout) ? g : cuda::contiguous(g);
  read_from(plan, dy);
  const Tensor to = write_to(plan, out);
  max_pool_backward(plan, dy.data_ptr(), laid_out_like(indices, dy).data<int64_t>(), to.data_ptr());
  deliver(out, to);
});

CudaKernel avg_pool_kernel(op::_avg_pool, [](const Tensor& out, const Tensor& self, IntSpan kernel,
                                             IntSpan stride, IntSpan padding, bool, bool count_padding,
                                             std::optional<int64_t> divisor) {
  if (out.numel() == 0) return;
  PoolPlan plan = plan_of(self.sizes(), out.sizes(), out.dtype(), kernel, stride, padding);
  plan.count_padding = count_padding;
  plan.divisor = divisor.value_or(0);
  read_from(plan, self);
  const Tensor to = write_to(plan, out);
  avg_pool(plan, self.data_ptr(), to.data_ptr());
  deliver(out, to);
});
CudaKernel avg_pool_backward_kernel(op::_avg_pool_backward, [](const Tensor& out, const Tensor& self, IntSpan,
                                                               IntSpan kernel, IntSpan stride,
                                                               IntSpan padding, bool, bool count_padding,
                                                               std::optional<int64_t> divisor) {
  if (out.numel() == 0) return;
  PoolPlan plan = plan_of(out.sizes(), self.sizes(), out.dtype(), kernel, stride, padding);
  plan.count_padding = count_padding;
  plan.divisor = divisor.value_or(0);
  read_from(plan, self);
  const Tensor to = write_to(plan, out);
  avg_pool_backward(plan, self.data_ptr(), to.data_ptr());
  deliver(out, to);
});

// One window for all is a mean over planes, which the reductions share among many threads.
bool is_mean(const Tensor& self, const Tensor& out) {
  return out.numel() == self.sizes()[0] * self.sizes()[1] && out.is_contiguous();
}
CudaKernel adaptive_avg_pool_kernel(op::_adaptive_avg_pool, [](const Tensor& out, const Tensor& self,
                                                               IntSpan) {
  if (out.numel() == 0) return;
  if (is_mean(self, out)) {
    const DimMask spatial = ((DimMask{1} << self.dim()) - 1) & ~DimMask{3};
    const auto count = static_cast<double>(cpu::plane_size(self));
    return run_reduce("adaptive_avg_pool", ReduceOp::Sum, self, spatial, &out, nullptr, {.divisor = count});
  }
  PoolPlan plan = plan_of(self.sizes(), out.sizes(), out.dtype());
  read_from(plan, self);
  const Tensor to = write_to(plan, out);
  avg_pool(plan, self.data_ptr(), to.data_ptr());
  deliver(out, to);
});
CudaKernel adaptive_avg_pool_backward_kernel(op::_adaptive_avg_pool_backward,
                                             [](const Tensor& out, const Tensor& self, IntSpan) {
                                               if (out.numel() == 0) return;
                                               if (self.numel() == 0) return (void)plait::zero_(out);
                                               PoolPlan plan =
                                                   plan_of(out.sizes(), self.sizes(), out.dtype());
                                               read_from(plan, self);
                                               const Tensor to = write_to(plan, out);
                                               avg_pool_backward(plan, self.data_ptr(), to.data_ptr());
                                               deliver(out, to);
                                             });

}  // namespace
}  // namespace plait::cuda
