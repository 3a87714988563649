// Emitted by tools/emit_header.py from ops/avg_pool.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, bool, bool, std::optional<int64_t>)> _avg_pool;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool, bool, std::optional<int64_t>)> _avg_pool_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> _adaptive_avg_pool;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> _adaptive_avg_pool_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool)> avg_pool1d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool1d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool, std::optional<int64_t>)> avg_pool2d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool2d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool, std::optional<int64_t>)> avg_pool3d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool3d;
}  // namespace plait::op

namespace plait {
inline Tensor _avg_pool(const Tensor& self, IntSpan kernel_size, IntSpan stride, IntSpan padding, bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) { return op::_avg_pool(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor _avg_pool_backward(const Tensor& self, IntSpan input_size, IntSpan kernel_size, IntSpan stride, IntSpan padding, bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) { return op::_avg_pool_backward(self, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor _adaptive_avg_pool(const Tensor& self, IntSpan output_size) { return op::_adaptive_avg_pool(self, output_size); }
inline Tensor _adaptive_avg_pool_backward(const Tensor& self, IntSpan input_size) { return op::_adaptive_avg_pool_backward(self, input_size); }
inline Tensor avg_pool1d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, bool ceil_mode = false, bool count_include_pad = true) { return op::avg_pool1d(self, kernel_size, stride, padding, ceil_mode, count_include_pad); }
inline Tensor avg_pool1d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, bool ceil_mode = false, bool count_include_pad = true) { return op::avg_pool1d.inplace(self, kernel_size, stride, padding, ceil_mode, count_include_pad); }
inline Tensor adaptive_avg_pool1d(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool1d(self, output_size); }
inline Tensor adaptive_avg_pool1d_(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool1d.inplace(self, output_size); }
inline Tensor avg_pool2d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool2d(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor avg_pool2d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool2d.inplace(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor adaptive_avg_pool2d(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool2d(self, output_size); }
inline Tensor adaptive_avg_pool2d_(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool2d.inplace(self, output_size); }
inline Tensor avg_pool3d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool3d(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor avg_pool3d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool3d.inplace(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor adaptive_avg_pool3d(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool3d(self, output_size); }
inline Tensor adaptive_avg_pool3d_(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool3d.inplace(self, output_size); }
}  // namespace plait
// clang-format on
