// Activation functions, and their derivatives times a gradient, each in one pass.
#pragma once

#include "ops/cpu/pointwise.h"

namespace plait::cpu {

// In parentheses: what the Params give.
enum class Activation : uint8_t {
  Relu,  // also of integers
  LogSigmoid,
  Silu,
  Mish,
  GeluErf,
  GeluTanh,
  Softsign,
  Tanhshrink,
  Hardsigmoid,
  Hardswish,
  LeakyRelu,   // (slope)
  Elu,         // (alpha * scale, scale, input scale)
  Softplus,    // (beta, threshold)
  Clamp,       // (low, high), also of integers
  Threshold,   // (threshold, value), also of integers
  Softshrink,  // (lambda)
  Hardshrink,  // (lambda)
  Logit,       // (eps)
  Count
};

// Of the gradient and self, or the gradient and the result (Sigmoid, Tanh).
enum class ActivationGrad : uint8_t {
  Sigmoid,
  Tanh,
  Silu,
  Mish,
  GeluErf,
  GeluTanh,
  Hardsigmoid,
  Hardswish,
  LeakyRelu,  // (slope)
  Elu,        // (alpha * scale, scale, input scale)
  Softplus,   // (beta, threshold)
  LogSigmoid,
  Clamp,      // (low, high): where low <= x <= high
  Hardtanh,   // (low, high): where low < x < high
  Threshold,  // (threshold): where x > threshold
  Shrink,     // (lambda): where |x| > lambda
  Count
};

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
