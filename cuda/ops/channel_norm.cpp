// Batch and group normalisation.
#include "cuda/kernels/channel_norm.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "cuda/runtime/memory.h"
#include "ops/cpu/channel_layout.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/batch_norm.h"
#include "ops/decl/copy.h"
#include "ops/decl/group_norm.h"

namespace plait::cuda {
namespace {

using cpu::ChannelLayout;

// Strides of (N, C, ...) in a layout.
Dims strides_in(const Dims& sizes, ChannelLayout layout) {
  Dims strides(sizes.size(), 1);
  int64_t step = 1;
  for (int i = 0; i < sizes.size(); ++i) {
    const int last = sizes.size() - 1;
    const int d = layout == ChannelLayout::Planes ? last - i : i == 0 ? 1 : i == last ? 0 : sizes.size() - i;
    strides[d] = step;
    step *= sizes[d];
  }
  return strides;
}
// The tensor in this layout, copied where it has another, and in this dtype.
Tensor laid_out(const Tensor& t, ChannelLayout layout, DType dtype) {
  if (t.dtype() == dtype && cpu::has_layout(t, layout)) return t;
  const Tensor out = empty_tensor(TensorSpec(t.sizes(), dtype, t.device(), strides_in(t.sizes(), layout)));
  copy_on_device(out, t);
  return out;
}
Tensor target_in(const Tensor& result, ChannelLayout layout) {
  if (cpu::has_layout(result, layout)) return result;
  return empty_tensor(
      TensorSpec(result.sizes(), result.dtype(), result.device(), strides_in(result.sizes(), layout)));
}
Tensor vector_of(const Tensor& t, DType dtype) {
  return t.defined() ? cuda::contiguous(converted(t, dtype)) : t;
}
void* pointer(const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; }

ChannelPlan plan_of(const Tensor& x, ChannelLayout layout, int64_t groups, double eps) {
  ChannelPlan plan{};
  plan.dtype = x.dtype();
  plan.channels_innermost = layout == ChannelLayout::Rows;
  plan.batch = x.sizes()[0];
  plan.channels = x.sizes()[1];
  plan.inner = cpu::plane_size(x);
  plan.groups = groups;
  plan.eps = eps;
  return plan;
}

// (N, C, ...) as (N, groups, C / groups, ...).
Tensor in_groups(const Tensor& t, int64_t groups) {
  Dims sizes = t.sizes(), strides = t.strides();
  sizes[1] = groups;
  sizes.insert(2, t.sizes()[1] / groups);
  strides.insert(1, t.strides()[1] * (t.sizes()[1] / groups));
  return from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset());
}
DimMask all_but(int64_t ndim, DimMask kept) { return ((DimMask{1} << ndim) - 1) & ~kept; }

// ---- batch norm

CudaKernel batch_norm_kernel(op::_batch_norm, [](const Tensor& out, const Tensor& mean, const Tensor& var,
                                                 const Tensor& self, const Tensor& weight, const Tensor& bias,
                                                 double eps) {
  if (self.numel() == 0) return;
  const DType statistics = mean.dtype();
  const ChannelLayout layout = cpu::channel_layout(out);
  const Tensor x = laid_out(self, layout, self.dtype()), y = target_in(out, layout),
               w = vector_of(weight, statistics), b = vector_of(bias, statistics);
  const int64_t count = self.numel() / self.sizes()[1];
  run_reduce("batch_norm", ReduceOp::Moments, x, all_but(x.dim(), 2), &var, &mean,
             {.divisor = static_cast<double>(count), .wide = true});
  ChannelPlan plan = plan_of(x, layout, 0, eps);
  plan.mean = mean.data_ptr();
  plan.spread = var.data_ptr();
  plan.weight = pointer(w);
  channel_norm(plan, x.data_ptr(), pointer(b), y.data_ptr());
  if (!y.same(out)) copy_on_device(out, y);
});

CudaKernel batch_norm_backward_kernel(op::_batch_norm_backward, [](const Tensor& dx, const Tensor& dweight,
                                                                   const Tensor& dbias, const Tensor& self,
                                                                   const Tensor& input, const Tensor& weight,
                                                                   const Tensor& mean, const Tensor& var,
                                                                   double eps) {
  if (input.numel() == 0) {
    plait::zero_(dweight);
    plait::zero_(dbias);
    return;
  }
  const ChannelLayout layout = cpu::channel_layout(dx);
  const Tensor to = target_in(dx, layout), g = laid_out(self, layout, input.dtype()),
               x = laid_out(input, layout, input.dtype()), w = vector_of(weight, mean.dtype()),
               m = cuda::contiguous(mean), v = cuda::contiguous(var);
  ChannelPlan plan = plan_of(x, layout, 0, eps);
  plan.mean = m.data_ptr();
  plan.spread = v.data_ptr();
  plan.weight = pointer(w);
  Reduction sums = plan_reduction(g, all_but(g.dim(), 2));
  sums.plan.other = static_cast<const char*>(x.data_ptr());
  sums.plan.out[0] = static_cast<char*>(dweight.data_ptr());
  sums.plan.out[1] = static_cast<char*>(dbias.data_ptr());
  channel_gradient_sums(sums.plan, plan);
  batch_norm_gradient(plan, g.data_ptr(), x.data_ptr(), dweight.data_ptr(), dbias.data_ptr(), to.data_ptr());
  if (!to.same(dx)) copy_on_device(dx, to);
});

CudaKernel batch_norm_given_kernel(op::_batch_norm_given, [](const Tensor& out, const Tensor& self,
                                                             const Tensor& mean, const Tensor& var,
                                                             const Tensor& weight, const Tensor& bias,
                                                             double eps) {
  if (self.numel() == 0) return;
  const DType statistics = self.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const ChannelLayout layout = cpu::channel_layout(out);
  const Tensor x = laid_out(self, layout, self.dtype()), y = target_in(out, layout),
               m = vector_of(mean, statistics), v = vector_of(var, statistics),
               w = vector_of(weight, statistics), b = vector_of(bias, statistics);
  ChannelPlan plan = plan_of(x, layout, 0, eps);
  plan.mean = m.data_ptr();
  plan.spread = v.data_ptr();
  plan.weight = pointer(w);
  channel_norm(plan, x.data_ptr(), pointer(b), y.data_ptr());
  if (!y.same(out)) copy_on_device(out, y);
});

// What the kernel writes, and what it reads for that.
void check_running(const char* name, const Tensor& running, const Tensor& value) {
  check(value.defined(), "_move_running_: expected statistics for {}, got None", name);
  check<TypeError>(value.dtype() == DType::Float32 || value.dtype() == DType::Float64,
                   "_move_running_: expected statistics of dtype float32 or float64 for {}, got {}", name,
                   value.dtype());
  if (!running.defined()) return;
  check(running.sizes() == value.sizes(), "batch_norm: expected {} of shape {}, got {}", name, value.sizes(),
        running.sizes());
  check<RuntimeError>(!has_internal_overlap(running.sizes(), running.strides()),
                      "batch_norm: {} of strides {} has elements that share memory (an expanded tensor?); "
                      "call .clone() first",
                      name, running.strides());
}

CudaDirect move_running_kernel(op::_move_running_, [](const Tensor& running_mean, const Tensor& running_var,
                                                      const Tensor& num_batches_tracked, const Tensor& mean,
                                                      const Tensor& var, double momentum, double factor) {
  check_running("running_mean", running_mean, mean);
  check_running("running_var", running_var, var);
  check(mean.sizes() == var.sizes() && mean.dtype() == var.dtype(),
        "_move_running_: expected mean and var of one shape and dtype, got {} {} and {} {}", mean.sizes(),
        mean.dtype(), var.sizes(), var.dtype());
  const Tensor& batches = num_batches_tracked;
  const bool counts = batches.defined() && batches.dtype() == DType::Int64 && batches.numel() == 1 &&
                      batches.device() == mean.device() && mean.numel() > 0;
  if (batches.defined() && !counts) plait::add_(batches, wrapped_scalar(1));

  const DType dtype = mean.dtype();
  const Tensor *running[2] = {&running_mean, &running_var}, *values[2] = {&mean, &var};
  const double factors[2] = {1, factor};
  void* to[2] = {nullptr, nullptr};
  Tensor own[2], from[2];
  for (int i = 0; i < 2; ++i) {
    from[i] = cuda::contiguous(*values[i]);
    if (!running[i]->defined()) continue;
    own[i] = cuda::contiguous(converted(*running[i], dtype));
    to[i] = own[i].data_ptr();
  }
  move_running(dtype, mean.numel(), to, {from[0].data_ptr(), from[1].data_ptr()}, momentum, factors,
               counts ? batches.data<int64_t>() : nullptr);
  if (counts) batches.storage()->bump_version();
  for (int i = 0; i < 2; ++i) {
    if (!running[i]->defined()) continue;
    if (!own[i].same(*running[i])) copy_on_device(*running[i], own[i]);
    running[i]->storage()->bump_version();
  }
});

// ---- group norm

CudaKernel group_norm_kernel(op::_group_norm, [](const Tensor& out, const Tensor& mean, const Tensor& rstd,
                                                 const Tensor& self, int64_t groups, const Tensor& weight,
                                                 const Tensor& bias, double eps) {
  if (self.numel() == 0) return;
  const DType statistics = mean.dtype();
  const ChannelLayout layout = cpu::channel_layout(out);
  const Tensor x = laid_out(self, layout, self.dtype()), y = target_in(out, layout),
               w = vector_of(weight, statistics), b = vector_of(bias, statistics);
  const Tensor grouped = in_groups(x, groups);
  const int64_t count = self.numel() / (self.sizes()[0] * groups);
  run_reduce("group_norm", ReduceOp::Moments, grouped, all_but(grouped.dim(), 3), &rstd, &mean,
             {.divisor = static_cast<double>(count), .reciprocal = true, .wide = true, .eps = eps});
  ChannelPlan plan = plan_of(x, layout, groups, 0);
  plan.mean = mean.data_ptr();
  plan.spread = rstd.data_ptr();
  plan.weight = pointer(w);
  channel_norm(plan, x.data_ptr(), pointer(b), y.data_ptr());
  if (!y.same(out)) copy_on_device(out, y);
});

CudaKernel group_norm_backward_kernel(op::_group_norm_backward, [](const Tensor& dx, const Tensor& dweight,
                                                                   const Tensor& dbias, const Tensor& self,
                                                                   const Tensor& input, const Tensor& mean,
                                                                   const Tensor& rstd, const Tensor& weight) {
  if (input.numel() == 0) {
    plait::zero_(dweight);
    plait::zero_(dbias);
    return;
  }
  const DType statistics = mean.dtype();
  const ChannelLayout layout = cpu::channel_layout(dx);
  const int64_t groups = mean.sizes()[1], batch = input.sizes()[0], channels = input.sizes()[1];
  const Tensor to = target_in(dx, layout), g = laid_out(self, layout, input.dtype()),
               x = laid_out(input, layout, input.dtype()), w = vector_of(weight, statistics),
               m = cuda::contiguous(mean), r = cuda::contiguous(rstd);
  ChannelPlan plan = plan_of(x, layout, groups, 0);
  plan.mean = m.data_ptr();
  plan.spread = r.data_ptr();
  plan.weight = pointer(w);
  const int64_t item = itemsize(statistics);
  const Workspace scratch(static_cast<size_t>(2 * batch * (channels + groups) * item));
  char* const dots = scratch.as<char>();
  char* const totals = dots + batch * channels * item;
  Reduction sums = plan_reduction(g, all_but(g.dim(), 3));
  sums.plan.other = static_cast<const char*>(x.data_ptr());
  sums.plan.out[0] = dots;
  sums.plan.out[1] = totals;
  channel_gradient_sums(sums.plan, plan);
  group_norm_gradient(plan, g.data_ptr(), x.data_ptr(), dots, totals, totals + batch * channels * item,
                      to.data_ptr(), dweight.data_ptr(), dbias.data_ptr());
  if (!to.same(dx)) copy_on_device(dx, to);
});

}  // namespace
}  // namespace plait::cuda
