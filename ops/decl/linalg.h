// Emitted by tools/emit_header.py from ops/linalg.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>)> cross;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, std::optional<std::string_view>)> cdist;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&)> bilinear;
}  // namespace plait::op

namespace plait {
inline Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim = std::nullopt) { return op::cross(self, other, dim); }
inline Tensor cross_(const Tensor& self, const Tensor& other, std::optional<int64_t> dim = std::nullopt) { return op::cross.inplace(self, other, dim); }
inline Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2.0, std::optional<std::string_view> compute_mode = std::nullopt) { return op::cdist(x1, x2, p, compute_mode); }
inline Tensor cdist_(const Tensor& x1, const Tensor& x2, double p = 2.0, std::optional<std::string_view> compute_mode = std::nullopt) { return op::cdist.inplace(x1, x2, p, compute_mode); }
inline Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias = {}) { return op::bilinear(input1, input2, weight, bias); }
inline Tensor bilinear_(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias = {}) { return op::bilinear.inplace(input1, input2, weight, bias); }
}  // namespace plait
// clang-format on
