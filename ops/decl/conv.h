// Emitted by tools/emit_header.py from ops/conv.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> _conv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, int64_t)> _conv_input_grad;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, int64_t, std::optional<DType>)> _conv_weight_grad;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv1d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)> conv1d_padding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv2d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)> conv2d_padding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv3d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)> conv3d_padding;
}  // namespace plait::op

namespace plait {
inline Tensor _conv(const Tensor& self, const Tensor& weight, const Tensor& bias, IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) { return op::_conv(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor _conv_input_grad(const Tensor& self, const Tensor& weight, IntSpan input_size, IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) { return op::_conv_input_grad(self, weight, input_size, stride, padding, dilation, groups); }
inline Tensor _conv_weight_grad(const Tensor& self, const Tensor& input, IntSpan kernel_size, IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups, std::optional<DType> dtype = std::nullopt) { return op::_conv_weight_grad(self, input, kernel_size, stride, padding, dilation, groups, dtype); }
inline Tensor conv1d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv1d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv1d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, std::string_view padding = "valid", IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d_padding(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv1d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, std::string_view padding = "valid", IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d_padding.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d_padding(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d_padding.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d_padding(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d_padding.inplace(self, weight, bias, stride, padding, dilation, groups); }
}  // namespace plait
// clang-format on
