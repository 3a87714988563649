// Emitted by tools/emit_header.py from ops/linalg.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>)> cross;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&)> bilinear;
}  // namespace plait::op

namespace plait {
inline Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim = std::nullopt) { return op::cross(self, other, dim); }
inline Tensor cross_(const Tensor& self, const Tensor& other, std::optional<int64_t> dim = std::nullopt) { return op::cross.inplace(self, other, dim); }
inline Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias = {}) { return op::bilinear(input1, input2, weight, bias); }
inline Tensor bilinear_(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias = {}) { return op::bilinear.inplace(input1, input2, weight, bias); }
}  // namespace plait
// clang-format on
