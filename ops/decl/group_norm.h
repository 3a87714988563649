// Emitted by tools/emit_header.py from ops/group_norm.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, int64_t, const Tensor&, const Tensor&, double)> _group_norm;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&)> _group_norm_backward;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, double)> group_norm;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor, Tensor> _group_norm(const Tensor& self, int64_t num_groups, const Tensor& weight, const Tensor& bias, double eps) { return op::_group_norm(self, num_groups, weight, bias, eps); }
inline std::tuple<Tensor, Tensor, Tensor> _group_norm_backward(const Tensor& self, const Tensor& input, const Tensor& mean, const Tensor& rstd, const Tensor& weight) { return op::_group_norm_backward(self, input, mean, rstd, weight); }
inline Tensor group_norm(const Tensor& self, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::group_norm(self, num_groups, weight, bias, eps); }
inline Tensor group_norm_(const Tensor& self, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::group_norm.inplace(self, num_groups, weight, bias, eps); }
}  // namespace plait
// clang-format on
