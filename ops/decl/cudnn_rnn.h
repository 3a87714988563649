// Emitted by tools/emit_header.py from ops/cudnn_rnn.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor, Tensor>(const Tensor&, TensorList, const Tensor&, const Tensor&, std::string_view, int64_t, int64_t, int64_t, bool, double, bool, IntSpan)> _cudnn_rnn;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, TensorList, const Tensor&, const Tensor&, const Tensor&, const Tensor&, std::string_view, int64_t, int64_t, int64_t, bool, double, IntSpan, bool, bool, bool)> _cudnn_rnn_backward;
extern PLAIT_API Op<std::vector<Tensor>(TensorList, std::string_view, int64_t, int64_t, int64_t, int64_t, bool)> _cudnn_rnn_flatten_weights;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor, Tensor, Tensor> _cudnn_rnn(const Tensor& input, TensorList weights, const Tensor& hx, const Tensor& cx, std::string_view mode, int64_t hidden_size, int64_t proj_size = 0, int64_t num_layers = 1, bool bidirectional = false, double dropout = 0.0, bool train = false, IntSpan batch_sizes = Dims{}) { return op::_cudnn_rnn(input, weights, hx, cx, mode, hidden_size, proj_size, num_layers, bidirectional, dropout, train, batch_sizes); }
inline std::vector<Tensor> _cudnn_rnn_backward(const Tensor& grad_output, const Tensor& grad_hy, const Tensor& grad_cy, const Tensor& input, TensorList weights, const Tensor& hx, const Tensor& cx, const Tensor& output, const Tensor& reserve, std::string_view mode, int64_t hidden_size, int64_t proj_size, int64_t num_layers, bool bidirectional, double dropout, IntSpan batch_sizes, bool needs_hx, bool needs_cx, bool needs_weights) { return op::_cudnn_rnn_backward(grad_output, grad_hy, grad_cy, input, weights, hx, cx, output, reserve, mode, hidden_size, proj_size, num_layers, bidirectional, dropout, batch_sizes, needs_hx, needs_cx, needs_weights); }
inline std::vector<Tensor> _cudnn_rnn_flatten_weights(TensorList weights, std::string_view mode, int64_t input_size, int64_t hidden_size, int64_t proj_size, int64_t num_layers, bool bidirectional) { return op::_cudnn_rnn_flatten_weights(weights, mode, input_size, hidden_size, proj_size, num_layers, bidirectional); }
}  // namespace plait
// clang-format on
