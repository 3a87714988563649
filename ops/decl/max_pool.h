// Emitted by tools/emit_header.py from ops/max_pool.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool)> _max_pool;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool)> _max_pool_values;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> _adaptive_max_pool;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, IntSpan)> _max_pool_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool1d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool1d_with_indices;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool2d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool2d_with_indices;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool3d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool3d_with_indices;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> adaptive_max_pool1d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> adaptive_max_pool2d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> adaptive_max_pool3d;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> _max_pool(const Tensor& self, IntSpan kernel_size, IntSpan stride, IntSpan padding, IntSpan dilation, bool ceil_mode) { return op::_max_pool(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor _max_pool_values(const Tensor& self, IntSpan kernel_size, IntSpan stride, IntSpan padding, IntSpan dilation, bool ceil_mode) { return op::_max_pool_values(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> _adaptive_max_pool(const Tensor& self, IntSpan output_size) { return op::_adaptive_max_pool(self, output_size); }
inline Tensor _max_pool_backward(const Tensor& self, const Tensor& indices, IntSpan input_size, IntSpan kernel_size, IntSpan stride, IntSpan padding, IntSpan dilation) { return op::_max_pool_backward(self, indices, input_size, kernel_size, stride, padding, dilation); }
inline Tensor max_pool1d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, bool ceil_mode = false) { return op::max_pool1d(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool1d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, bool ceil_mode = false) { return op::max_pool1d.inplace(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, bool ceil_mode = false) { return op::max_pool1d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool2d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, bool ceil_mode = false) { return op::max_pool2d(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool2d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, bool ceil_mode = false) { return op::max_pool2d.inplace(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, bool ceil_mode = false) { return op::max_pool2d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool3d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, bool ceil_mode = false) { return op::max_pool3d(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool3d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, bool ceil_mode = false) { return op::max_pool3d.inplace(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, bool ceil_mode = false) { return op::max_pool3d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> adaptive_max_pool1d(const Tensor& self, IntSpan output_size) { return op::adaptive_max_pool1d(self, output_size); }
inline std::tuple<Tensor, Tensor> adaptive_max_pool2d(const Tensor& self, IntSpan output_size) { return op::adaptive_max_pool2d(self, output_size); }
inline std::tuple<Tensor, Tensor> adaptive_max_pool3d(const Tensor& self, IntSpan output_size) { return op::adaptive_max_pool3d(self, output_size); }
}  // namespace plait
// clang-format on
