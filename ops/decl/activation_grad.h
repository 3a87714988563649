// Emitted by tools/emit_header.py from ops/activation_grad.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _sigmoid_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _tanh_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _silu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _mish_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _hardsigmoid_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _hardswish_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _logsigmoid_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double)> _leaky_relu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double)> _softplus_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double, double)> _elu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> _threshold_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double)> _shrink_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&, const Scalar&)> _hardtanh_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&, const Scalar&)> _clamp_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view)> _gelu_backward;
}  // namespace plait::op

namespace plait {
inline Tensor _sigmoid_backward(const Tensor& grad, const Tensor& output) { return op::_sigmoid_backward(grad, output); }
inline Tensor _tanh_backward(const Tensor& grad, const Tensor& output) { return op::_tanh_backward(grad, output); }
inline Tensor _silu_backward(const Tensor& grad, const Tensor& self) { return op::_silu_backward(grad, self); }
inline Tensor _mish_backward(const Tensor& grad, const Tensor& self) { return op::_mish_backward(grad, self); }
inline Tensor _hardsigmoid_backward(const Tensor& grad, const Tensor& self) { return op::_hardsigmoid_backward(grad, self); }
inline Tensor _hardswish_backward(const Tensor& grad, const Tensor& self) { return op::_hardswish_backward(grad, self); }
inline Tensor _logsigmoid_backward(const Tensor& grad, const Tensor& self) { return op::_logsigmoid_backward(grad, self); }
inline Tensor _leaky_relu_backward(const Tensor& grad, const Tensor& self, double negative_slope) { return op::_leaky_relu_backward(grad, self, negative_slope); }
inline Tensor _softplus_backward(const Tensor& grad, const Tensor& self, double beta, double threshold) { return op::_softplus_backward(grad, self, beta, threshold); }
inline Tensor _elu_backward(const Tensor& grad, const Tensor& self, double alpha, double scale, double input_scale) { return op::_elu_backward(grad, self, alpha, scale, input_scale); }
inline Tensor _threshold_backward(const Tensor& grad, const Tensor& self, const Scalar& threshold) { return op::_threshold_backward(grad, self, threshold); }
inline Tensor _shrink_backward(const Tensor& grad, const Tensor& self, double lambd) { return op::_shrink_backward(grad, self, lambd); }
inline Tensor _hardtanh_backward(const Tensor& grad, const Tensor& self, const Scalar& min_val, const Scalar& max_val) { return op::_hardtanh_backward(grad, self, min_val, max_val); }
inline Tensor _clamp_backward(const Tensor& grad, const Tensor& self, const Scalar& min, const Scalar& max) { return op::_clamp_backward(grad, self, min, max); }
inline Tensor _gelu_backward(const Tensor& grad, const Tensor& self, std::string_view approximate) { return op::_gelu_backward(grad, self, approximate); }
}  // namespace plait
// clang-format on
