// Emitted by tools/emit_header.py from ops/optim.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, double, double, double, double, bool, bool, bool, const Tensor&, const Tensor&)> _fused_sgd_;
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, int64_t, double, double, double, double, double, bool, bool, bool)> _fused_adam_;
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, const Tensor&, const Tensor&, double, double, double, double, bool, bool, bool, const Tensor&, const Tensor&)> _fused_adam_capturable_;
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, double, double, double, double, double, bool, bool, const Tensor&, const Tensor&)> _fused_rmsprop_;
extern PLAIT_API Op<Tensor(TensorList, double)> _total_norm;
extern PLAIT_API Op<void(TensorList, const Tensor&)> _foreach_mul_;
extern PLAIT_API Op<void(TensorList)> _foreach_zero_;
}  // namespace plait::op

namespace plait {
inline void _fused_sgd_(TensorList params, TensorList grads, TensorList momentum_buffers, double lr, double momentum, double dampening, double weight_decay, bool nesterov, bool maximize, bool first_step, const Tensor& grad_scale = {}, const Tensor& found_inf = {}) { return op::_fused_sgd_(params, grads, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first_step, grad_scale, found_inf); }
inline void _fused_adam_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs, TensorList max_exp_avg_sqs, int64_t step, double lr, double beta1, double beta2, double eps, double weight_decay, bool amsgrad, bool maximize, bool decoupled) { return op::_fused_adam_(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled); }
inline void _fused_adam_capturable_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs, TensorList max_exp_avg_sqs, const Tensor& step, const Tensor& lr, double beta1, double beta2, double eps, double weight_decay, bool amsgrad, bool maximize, bool decoupled, const Tensor& grad_scale = {}, const Tensor& found_inf = {}) { return op::_fused_adam_capturable_(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled, grad_scale, found_inf); }
inline void _fused_rmsprop_(TensorList params, TensorList grads, TensorList square_avgs, TensorList grad_avgs, TensorList momentum_buffers, double lr, double alpha, double eps, double weight_decay, double momentum, bool centered, bool maximize, const Tensor& grad_scale = {}, const Tensor& found_inf = {}) { return op::_fused_rmsprop_(params, grads, square_avgs, grad_avgs, momentum_buffers, lr, alpha, eps, weight_decay, momentum, centered, maximize, grad_scale, found_inf); }
inline Tensor _total_norm(TensorList tensors, double ord) { return op::_total_norm(tensors, ord); }
inline void _foreach_mul_(TensorList tensors, const Tensor& scale) { return op::_foreach_mul_(tensors, scale); }
inline void _foreach_zero_(TensorList tensors) { return op::_foreach_zero_(tensors); }
}  // namespace plait
// clang-format on
