// Emitted by tools/emit_header.py from ops/rnn_layer.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, IntSpan)> _lstm_layer;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, IntSpan)> _lstm_layer_backward;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, IntSpan)> _gru_layer;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, IntSpan)> _gru_layer_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, bool, IntSpan)> _rnn_layer;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, bool, IntSpan)> _rnn_layer_backward;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor, Tensor> _lstm_layer(const Tensor& gates_x, const Tensor& h0, const Tensor& c0, const Tensor& weight_hh, bool reverse = false, IntSpan batch_sizes = Dims{}) { return op::_lstm_layer(gates_x, h0, c0, weight_hh, reverse, batch_sizes); }
inline std::tuple<Tensor, Tensor, Tensor> _lstm_layer_backward(const Tensor& grad_output, const Tensor& grad_cells, const Tensor& grad_gates, const Tensor& weight_hh, const Tensor& c0, const Tensor& cells, const Tensor& gates, bool reverse, IntSpan batch_sizes) { return op::_lstm_layer_backward(grad_output, grad_cells, grad_gates, weight_hh, c0, cells, gates, reverse, batch_sizes); }
inline std::tuple<Tensor, Tensor> _gru_layer(const Tensor& gates_x, const Tensor& h0, const Tensor& weight_hh, const Tensor& bias_hh = {}, bool reverse = false, IntSpan batch_sizes = Dims{}) { return op::_gru_layer(gates_x, h0, weight_hh, bias_hh, reverse, batch_sizes); }
inline std::tuple<Tensor, Tensor, Tensor> _gru_layer_backward(const Tensor& grad_output, const Tensor& grad_gates, const Tensor& weight_hh, const Tensor& h0, const Tensor& output, const Tensor& gates, bool reverse, IntSpan batch_sizes) { return op::_gru_layer_backward(grad_output, grad_gates, weight_hh, h0, output, gates, reverse, batch_sizes); }
inline Tensor _rnn_layer(const Tensor& gates_x, const Tensor& h0, const Tensor& weight_hh, bool relu = false, bool reverse = false, IntSpan batch_sizes = Dims{}) { return op::_rnn_layer(gates_x, h0, weight_hh, relu, reverse, batch_sizes); }
inline std::tuple<Tensor, Tensor> _rnn_layer_backward(const Tensor& grad, const Tensor& weight_hh, const Tensor& h0, const Tensor& output, bool relu, bool reverse, IntSpan batch_sizes) { return op::_rnn_layer_backward(grad, weight_hh, h0, output, relu, reverse, batch_sizes); }
}  // namespace plait
// clang-format on
