// Emitted by tools/emit_header.py from ops/conv_transpose.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> conv_transpose1d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> conv_transpose2d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> conv_transpose3d;
}  // namespace plait::op

namespace plait {
inline Tensor conv_transpose1d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan output_padding = Dims{0}, int64_t groups = 1, IntSpan dilation = Dims{1}) { return op::conv_transpose1d(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose1d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan output_padding = Dims{0}, int64_t groups = 1, IntSpan dilation = Dims{1}) { return op::conv_transpose1d.inplace(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose2d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan output_padding = Dims{0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1}) { return op::conv_transpose2d(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose2d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan output_padding = Dims{0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1}) { return op::conv_transpose2d.inplace(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose3d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan output_padding = Dims{0, 0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1, 1}) { return op::conv_transpose3d(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose3d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan output_padding = Dims{0, 0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1, 1}) { return op::conv_transpose3d.inplace(self, weight, bias, stride, padding, output_padding, groups, dilation); }
}  // namespace plait
// clang-format on
