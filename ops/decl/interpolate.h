// Emitted by tools/emit_header.py from ops/interpolate.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::string_view, bool, bool, double, double, double)> _resample;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::string_view, bool, bool, double, double, double)> _resample_backward;
}  // namespace plait::op

namespace plait {
inline Tensor _resample(const Tensor& self, IntSpan size, std::string_view mode, bool align_corners, bool antialias = false, double factor_d = 0.0, double factor_h = 0.0, double factor_w = 0.0) { return op::_resample(self, size, mode, align_corners, antialias, factor_d, factor_h, factor_w); }
inline Tensor _resample_backward(const Tensor& grad, IntSpan input_size, std::string_view mode, bool align_corners, bool antialias = false, double factor_d = 0.0, double factor_h = 0.0, double factor_w = 0.0) { return op::_resample_backward(grad, input_size, mode, align_corners, antialias, factor_d, factor_h, factor_w); }
}  // namespace plait
// clang-format on
