// Activation functions, and their derivatives times a gradient, each in one pass.
#pragma once

#include "ops/cpu/pointwise.h"
#include "ops/functions.h"

namespace plait::cpu {

PLAIT_ISA_TABLE(LoopTable<Activation>, activation_table)
PLAIT_ISA_TABLE(LoopTable<ActivationGrad>, activation_grad_table)

// Work of an element beside an addition.
constexpr int cost_of(Activation f) {
  return f >= Activation::LogSigmoid && f <= Activation::GeluTanh ? 8 : 2;
}
constexpr int cost_of(ActivationGrad f) {
  return f >= ActivationGrad::Silu && f <= ActivationGrad::GeluTanh ? 8 : 2;
}

inline void activation(const char* op, Activation f, const Tensor& out, const Tensor& a,
                       const void* params = nullptr) {
  pointwise(op, activation_table().at(f, out.dtype()), out, a, out.dtype(), params, cost_of(f));
}
inline void activation_grad(const char* op, ActivationGrad f, const Tensor& out, const Tensor& grad,
                            const Tensor& a, const void* params = nullptr) {
  pointwise(op, activation_grad_table().at(f, out.dtype()), out, grad, a, out.dtype(), params, cost_of(f));
}

}  // namespace plait::cpu
