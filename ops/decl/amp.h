// Emitted by tools/emit_header.py from ops/amp.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<void(TensorList, const Tensor&, const Tensor&)> _amp_foreach_non_finite_check_and_unscale_;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, double, int64_t)> _amp_update_scale_;
}  // namespace plait::op

namespace plait {
inline void _amp_foreach_non_finite_check_and_unscale_(TensorList grads, const Tensor& found_inf, const Tensor& inv_scale) { return op::_amp_foreach_non_finite_check_and_unscale_(grads, found_inf, inv_scale); }
inline Tensor _amp_update_scale_(const Tensor& self, const Tensor& growth_tracker, const Tensor& found_inf, double scale_growth_factor, double scale_backoff_factor, int64_t growth_interval) { return op::_amp_update_scale_(self, growth_tracker, found_inf, scale_growth_factor, scale_backoff_factor, growth_interval); }
}  // namespace plait
// clang-format on
