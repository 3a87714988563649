// Gradient scaling: all gradients of an optimiser in a few launches, and no wait for the device.
#include "ops/decl/amp.h"

#include "cuda/attach.h"
#include "cuda/kernels/amp.h"

namespace plait::cuda {
namespace {

void check_number(const char* op, const char* name, const Tensor& t, DType dtype, Device device) {
  check(t.numel() == 1 && t.dtype() == dtype && t.device() == device,
        "{}: expected '{}' of one element and dtype {} on {}, got shape {} and {} on {}", op, name, dtype,
        device, t.sizes(), t.dtype(), t.device());
}

CudaDirect unscale_direct(op::_amp_foreach_non_finite_check_and_unscale_, [](TensorList grads,
                                                                             const Tensor& found_inf,
                                                                             const Tensor& inv_scale) {
  constexpr const char* name = "_amp_foreach_non_finite_check_and_unscale_";
  const Device device = grads.empty() ? found_inf.device() : grads[0].device();
  check_number(name, "found_inf", found_inf, DType::Float32, device);
  check_number(name, "inv_scale", inv_scale, DType::Float32, device);
  constexpr DType kDTypes[] = {DType::Float16, DType::BFloat16, DType::Float32, DType::Float64};
  std::vector<GradBlock> blocks[std::size(kDTypes)];
  std::vector<std::pair<Tensor, Tensor>> copies;  // gradients with gaps, and their elements without
  for (const Tensor& grad : grads) {
    check<TypeError>(is_floating(grad.dtype()), "{}: expected gradients of a floating dtype, got {}", name,
                     grad.dtype());
    check<RuntimeError>(grad.device() == device, "{}: expected all gradients on {}, got one on {}", name,
                        device, grad.device());
    const bool dense = is_dense(grad.sizes(), grad.strides());
    const Tensor work = dense ? grad : clone_plain(detached_alias(grad));
    if (!dense) copies.emplace_back(grad, work);
    blocks[static_cast<int>(grad.dtype()) - static_cast<int>(DType::Float16)].push_back(
        {work.data_ptr(), work.numel()});
    grad.storage()->bump_version();
  }
  for (size_t i = 0; i < std::size(kDTypes); ++i)
    unscale(kDTypes[i], blocks[i].data(), static_cast<int>(blocks[i].size()), inv_scale.data<float>(),
            found_inf.data<float>());
  for (const auto& [grad, work] : copies) copy_into(grad, work);
  found_inf.storage()->bump_version();
});

CudaDirect update_direct(op::_amp_update_scale_,
                         [](const Tensor& self, const Tensor& growth_tracker, const Tensor& found_inf,
                            double growth, double backoff, int64_t interval) {
                           constexpr const char* name = "_amp_update_scale_";
                           check_number(name, "self", self, DType::Float32, self.device());
                           check_number(name, "growth_tracker", growth_tracker, DType::Int32, self.device());
                           check_number(name, "found_inf", found_inf, DType::Float32, self.device());
                           update_scale(self.data<float>(), growth_tracker.data<int32_t>(),
                                        found_inf.data<float>(), {growth, backoff, interval});
                           self.storage()->bump_version();
                           growth_tracker.storage()->bump_version();
                           return self;
                         });

}  // namespace
}  // namespace plait::cuda
