// Emitted by tools/emit_header.py from ops/linear_activation.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _linear_relu;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, bool)> _linear_gelu;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&, bool)> _addmm_activation;
}  // namespace plait::op

namespace plait {
inline Tensor _linear_relu(const Tensor& self, const Tensor& weight, const Tensor& bias = {}) { return op::_linear_relu(self, weight, bias); }
inline std::tuple<Tensor, Tensor> _linear_gelu(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, bool keep = false) { return op::_linear_gelu(self, weight, bias, keep); }
inline Tensor _addmm_activation(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1, bool use_gelu = false) { return op::_addmm_activation(self, mat1, mat2, beta, alpha, use_gelu); }
}  // namespace plait
// clang-format on
