// Gradient scaling for training in float16: what plait.amp.GradScaler calls. Scale, tracker and flag stay on
// the gradients' device, so that nothing waits for it.
#include <atomic>
#include <cmath>

#include "core/parallel.h"
#include "ops/cpu/amp.h"
#include "ops/cpu/convert.h"
#include "ops/decl/amp.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

void check_number(const char* op, const char* name, const Tensor& t, DType dtype) {
  check(t.numel() == 1 && t.dtype() == dtype,
        "{}: expected '{}' of one element and dtype {}, got shape {} and {}", op, name, dtype, t.sizes(),
        t.dtype());
}

}  // namespace

Op<void(TensorList, const Tensor&, const Tensor&)> _amp_foreach_non_finite_check_and_unscale_{{
    .schema =
        "_amp_foreach_non_finite_check_and_unscale_(Tensor[] grads, Tensor found_inf, Tensor inv_scale) -> "
        "void",
    .doc = "Multiplies every gradient in place by inv_scale, and sets found_inf to 1 where one has an "
           "element that "
           "is infinite or NaN. Both are of one element and float32.",
    .direct =
        [](TensorList grads, const Tensor& found_inf, const Tensor& inv_scale) {
          constexpr const char* op = "_amp_foreach_non_finite_check_and_unscale_";
          constexpr int64_t kGrain = 32768;
          check_number(op, "found_inf", found_inf, DType::Float32);
          check_number(op, "inv_scale", inv_scale, DType::Float32);
          const float factor = *inv_scale.data<float>();
          std::atomic<bool> found = false;
          for (const Tensor& grad : grads) {
            check<TypeError>(is_floating(grad.dtype()), "{}: expected gradients of a floating dtype, got {}",
                             op, grad.dtype());
            const bool dense = is_dense(grad.sizes(), grad.strides());
            const Tensor work = dense ? grad : clone_plain(detached_alias(grad));
            const auto fn =
                cpu::amp_table().unscale[static_cast<int>(grad.dtype()) - static_cast<int>(DType::Float16)];
            const int64_t size = itemsize(grad.dtype());
            parallel_for(0, work.numel(), kGrain, [&](int64_t begin, int64_t end) {
              if (fn(work.data<char>() + begin * size, end - begin, factor))
                found.store(true, std::memory_order_relaxed);
            });
            if (!dense) cpu::copy(grad, work);
            grad.storage()->bump_version();
          }
          if (found) *found_inf.data<float>() = 1;
          found_inf.storage()->bump_version();
        },
    .kind = Kind::Optim,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, double, int64_t)> _amp_update_scale_{{
    .schema =
        "_amp_update_scale_(Tensor self, Tensor growth_tracker, Tensor found_inf, float scale_growth_factor, "
        "float scale_backoff_factor, int growth_interval) -> Tensor",
    .doc =
        "The scale after a step, in place: times scale_backoff_factor where found_inf is not 0, which sets "
        "growth_tracker (int32) to 0; else growth_tracker counts, and at growth_interval the scale is "
        "multiplied "
        "by scale_growth_factor, unless it would become infinite, and growth_tracker set to 0.",
    .direct =
        [](const Tensor& self, const Tensor& growth_tracker, const Tensor& found_inf, double growth,
           double backoff, int64_t interval) {
          constexpr const char* op = "_amp_update_scale_";
          check_number(op, "self", self, DType::Float32);
          check_number(op, "growth_tracker", growth_tracker, DType::Int32);
          check_number(op, "found_inf", found_inf, DType::Float32);
          float& scale = *self.data<float>();
          int32_t& tracker = *growth_tracker.data<int32_t>();
          if (*found_inf.data<float>() != 0) {
            scale = static_cast<float>(scale * backoff);
            tracker = 0;
          } else if (++tracker == interval) {
            const auto grown = static_cast<float>(scale * growth);
            if (std::isfinite(grown)) scale = grown;
            tracker = 0;
          }
          self.storage()->bump_version();
          growth_tracker.storage()->bump_version();
          return self;
        },
    .kind = Kind::Optim,
}};

}  // namespace plait::op
