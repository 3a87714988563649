// Emitted by tools/emit_header.py from ops/instance_norm.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double, double)> instance_norm;
}  // namespace plait::op

namespace plait {
inline Tensor instance_norm(const Tensor& self, const Tensor& running_mean = {}, const Tensor& running_var = {}, const Tensor& weight = {}, const Tensor& bias = {}, bool use_input_stats = true, double momentum = 0.1, double eps = 1e-05) { return op::instance_norm(self, running_mean, running_var, weight, bias, use_input_stats, momentum, eps); }
inline Tensor instance_norm_(const Tensor& self, const Tensor& running_mean = {}, const Tensor& running_var = {}, const Tensor& weight = {}, const Tensor& bias = {}, bool use_input_stats = true, double momentum = 0.1, double eps = 1e-05) { return op::instance_norm.inplace(self, running_mean, running_var, weight, bias, use_input_stats, momentum, eps); }
}  // namespace plait
// clang-format on
