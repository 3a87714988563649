// Emitted by tools/emit_header.py from ops/layer_norm.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, int64_t, const Tensor&, const Tensor&, double, bool, std::optional<DType>)> _layer_norm;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, bool, bool, bool, bool, std::optional<DType>)> _layer_norm_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Tensor&, const Tensor&, double)> layer_norm;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Tensor&, std::optional<double>)> rms_norm;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor, Tensor> _layer_norm(const Tensor& self, int64_t dims, const Tensor& weight, const Tensor& bias, double eps, bool center, std::optional<DType> lower = std::nullopt) { return op::_layer_norm(self, dims, weight, bias, eps, center, lower); }
inline std::tuple<Tensor, Tensor, Tensor> _layer_norm_backward(const Tensor& self, const Tensor& input, const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor& sum, int64_t dims, bool center, bool need_input, bool need_weight, bool need_bias, std::optional<DType> lower = std::nullopt) { return op::_layer_norm_backward(self, input, mean, rstd, weight, sum, dims, center, need_input, need_weight, need_bias, lower); }
inline Tensor layer_norm(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::layer_norm(self, normalized_shape, weight, bias, eps); }
inline Tensor layer_norm_(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::layer_norm.inplace(self, normalized_shape, weight, bias, eps); }
inline Tensor rms_norm(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, std::optional<double> eps = std::nullopt) { return op::rms_norm(self, normalized_shape, weight, eps); }
inline Tensor rms_norm_(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, std::optional<double> eps = std::nullopt) { return op::rms_norm.inplace(self, normalized_shape, weight, eps); }
}  // namespace plait
// clang-format on
