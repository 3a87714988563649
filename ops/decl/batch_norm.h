// Emitted by tools/emit_header.py from ops/batch_norm.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, double)> _batch_norm;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double)> _batch_norm_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double)> _batch_norm_given;
extern PLAIT_API Op<void(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, double)> _move_running_;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, double)> _batch_norm_training;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double, double)> batch_norm;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor, Tensor> _batch_norm(const Tensor& self, const Tensor& weight, const Tensor& bias, double eps) { return op::_batch_norm(self, weight, bias, eps); }
inline std::tuple<Tensor, Tensor, Tensor> _batch_norm_backward(const Tensor& self, const Tensor& input, const Tensor& weight, const Tensor& mean, const Tensor& var, double eps) { return op::_batch_norm_backward(self, input, weight, mean, var, eps); }
inline Tensor _batch_norm_given(const Tensor& self, const Tensor& mean, const Tensor& var, const Tensor& weight, const Tensor& bias, double eps) { return op::_batch_norm_given(self, mean, var, weight, bias, eps); }
inline void _move_running_(const Tensor& running_mean, const Tensor& running_var, const Tensor& num_batches_tracked, const Tensor& mean, const Tensor& var, double momentum, double factor) { return op::_move_running_(running_mean, running_var, num_batches_tracked, mean, var, momentum, factor); }
inline Tensor _batch_norm_training(const Tensor& self, const Tensor& running_mean, const Tensor& running_var, const Tensor& num_batches_tracked, const Tensor& weight, const Tensor& bias, double momentum, double eps) { return op::_batch_norm_training(self, running_mean, running_var, num_batches_tracked, weight, bias, momentum, eps); }
inline Tensor batch_norm(const Tensor& self, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1, double eps = 1e-05) { return op::batch_norm(self, running_mean, running_var, weight, bias, training, momentum, eps); }
inline Tensor batch_norm_(const Tensor& self, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1, double eps = 1e-05) { return op::batch_norm.inplace(self, running_mean, running_var, weight, bias, training, momentum, eps); }
}  // namespace plait
// clang-format on
