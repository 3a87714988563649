// Interpolation.
#include "cuda/kernels/resample.h"

#include <algorithm>

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/cpu/channel_layout.h"
#include "ops/decl/interpolate.h"

namespace plait::cuda {
namespace {

using cpu::ChannelLayout;

struct Map {
  std::string_view mode;
  bool align_corners, antialias;
  double factors[3];
};

ResampleMode mode_of(std::string_view name) {
  if (name == "nearest") return ResampleMode::Nearest;
  if (name == "nearest-exact") return ResampleMode::NearestExact;
  return name == "bicubic" ? ResampleMode::Cubic : ResampleMode::Linear;  // the meta rule knows the names
}

// `in` and `out`: sizes of the op's input and result.
ResamplePlan plan_of(const Dims& in, const Dims& out, const Map& map) {
  ResamplePlan plan{};
  plan.mode = mode_of(map.mode);
  plan.align_corners = map.align_corners;
  plan.antialias = map.antialias;
  plan.batch = in[0];
  plan.channels = in[1];
  const int n = in.size() - 2;
  for (int i = 3 - n; i < 3; ++i) {  // missing dimensions come first
    const int d = 2 + i - (3 - n);
    plan.axes[i] = {in[d], out[d], map.factors[i], false};
    check<NotImplementedError>(
        in[d] < (int64_t{1} << 29) && out[d] < (int64_t{1} << 29),
        "interpolate on cuda: a spatial size of {} or {} is more than 2^29; use the CPU", in[d], out[d]);
  }
  return plan;
}

// One launch, of what plan.axes say.
void launch_pass(ResamplePlan plan, bool adjoint, const Tensor& to, const Tensor& from) {
  plan.from = from.dtype();
  plan.to = to.dtype();
  plan.strides[0] = from.strides()[0];
  plan.strides[1] = from.strides()[1];
  const int n = from.sizes().size() - 2;
  for (int i = 3 - n; i < 3; ++i) plan.strides[2 + i] = from.strides()[2 + i - (3 - n)];
  plan.channels_innermost = cpu::channel_layout(to) == ChannelLayout::Rows;
  (adjoint ? resample_backward : resample)(plan, from.data_ptr(), to.data_ptr());
}

// A dimension at a time, the one that shrinks most first, where both have many taps; else all at once.
void run(const Tensor& out, const Tensor& x, const Dims& in, const Dims& sizes, bool adjoint,
         const Map& map) {
  if (out.numel() == 0) return;
  const ResamplePlan plan = plan_of(in, sizes, map);
  const Tensor y = cpu::has_layout(out, cpu::channel_layout(out))
                       ? out
                       : empty_tensor(out.sizes(), out.dtype(), out.device());
  const auto &height = plan.axes[1], &width = plan.axes[2];
  if (!map.antialias || resample_taps(plan, height) * resample_taps(plan, width) <= 16) {
    launch_pass(plan, adjoint, y, x);
  } else {
    const auto growth = [&](int axis) {
      const double ratio = static_cast<double>(plan.axes[axis].out) / static_cast<double>(plan.axes[axis].in);
      return adjoint ? 1 / ratio : ratio;
    };
    const int first = growth(1) <= growth(2) ? 1 : 2, second = 3 - first;
    Dims between = x.sizes();
    between[1 + first] = y.sizes()[1 + first];
    const DType compute = x.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
    const Tensor half = empty_tensor(between, compute, x.device());
    const auto only = [&](int axis, int64_t other) {
      ResamplePlan pass = plan;
      pass.axes[3 - axis] = {other, other, 0, true};
      return pass;
    };
    launch_pass(only(first, x.sizes()[1 + second]), adjoint, half, x);
    launch_pass(only(second, y.sizes()[1 + first]), adjoint, y, half);
  }
  if (!y.same(out)) copy_on_device(out, y);
}

CudaKernel resample_kernel(op::_resample, [](const Tensor& out, const Tensor& self, IntSpan,
                                             std::string_view mode, bool align_corners, bool antialias,
                                             double d, double h, double w) {
  run(out, self, self.sizes(), out.sizes(), false, {mode, align_corners, antialias, {d, h, w}});
});
CudaKernel resample_backward_kernel(op::_resample_backward, [](const Tensor& out, const Tensor& grad, IntSpan,
                                                               std::string_view mode, bool align_corners,
                                                               bool antialias, double d, double h, double w) {
  run(out, grad, out.sizes(), grad.sizes(), true, {mode, align_corners, antialias, {d, h, w}});
});

}  // namespace
}  // namespace plait::cuda
