// Emitted by tools/emit_header.py from ops/rnn.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&)> _lstm_step;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&)> _lstm_step_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _gru_step;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&)> _gru_step_backward;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> _lstm_step(const Tensor& gates, const Tensor& c) { return op::_lstm_step(gates, c); }
inline std::tuple<Tensor, Tensor> _lstm_step_backward(const Tensor& grad_h, const Tensor& grad_c, const Tensor& gates, const Tensor& c, const Tensor& c_next) { return op::_lstm_step_backward(grad_h, grad_c, gates, c, c_next); }
inline Tensor _gru_step(const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) { return op::_gru_step(gates_x, gates_h, h); }
inline std::tuple<Tensor, Tensor, Tensor> _gru_step_backward(const Tensor& grad, const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) { return op::_gru_step_backward(grad, gates_x, gates_h, h); }
}  // namespace plait
// clang-format on
