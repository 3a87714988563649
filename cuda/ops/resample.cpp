// Interpolation.
#include "cuda/kernels/resample.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/interpolate.h"

namespace plait::cuda {
namespace {

ResampleMode mode_of(std::string_view name) {
  if (name == "nearest") return ResampleMode::Nearest;
  if (name == "nearest-exact") return ResampleMode::NearestExact;
  return name == "bicubic" ? ResampleMode::Cubic : ResampleMode::Linear;  // the meta rule knows the names
}

// `in` and `out`: sizes of the op's input and result; `read`: whichever of them is read.
ResamplePlan plan_of(const Dims& in, const Dims& out, const Tensor& read, std::string_view mode,
                     bool align_corners, const double (&factors)[3]) {
  ResamplePlan plan{};
  plan.dtype = read.dtype();
  plan.mode = mode_of(mode);
  plan.align_corners = align_corners;
  plan.batch = in[0];
  plan.channels = in[1];
  plan.strides[0] = read.strides()[0];
  plan.strides[1] = read.strides()[1];
  const int n = in.size() - 2;
  for (int i = 0; i < 3; ++i) {
    const int d = i - (3 - n);  // missing dimensions come first
    if (d < 0) {
      plan.axes[i].missing = true;
      continue;
    }
    plan.axes[i] = {in[2 + d], out[2 + d], factors[i], false};
    plan.strides[2 + i] = read.strides()[2 + d];
    check<NotImplementedError>(
        in[2 + d] < (int64_t{1} << 29) && out[2 + d] < (int64_t{1} << 29),
        "interpolate on cuda: a spatial size of {} or {} is more than 2^29; use the CPU", in[2 + d],
        out[2 + d]);
  }
  return plan;
}

CudaKernel resample_kernel(op::_resample, [](const Tensor& out, const Tensor& self, IntSpan,
                                             std::string_view mode, bool align_corners, double d, double h,
                                             double w) {
  if (out.numel() == 0) return;
  resample(plan_of(self.sizes(), out.sizes(), self, mode, align_corners, {d, h, w}), self.data_ptr(),
           out.data_ptr());
});
CudaKernel resample_backward_kernel(op::_resample_backward, [](const Tensor& out, const Tensor& grad, IntSpan,
                                                               std::string_view mode, bool align_corners,
                                                               double d, double h, double w) {
  if (out.numel() == 0) return;
  resample_backward(plan_of(out.sizes(), grad.sizes(), grad, mode, align_corners, {d, h, w}), grad.data_ptr(),
                    out.data_ptr());
});

}  // namespace
}  // namespace plait::cuda
