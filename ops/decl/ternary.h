// Emitted by tools/emit_header.py from ops/ternary.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> where;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&)> where_condition;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> masked_fill;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<Scalar>)> clamp;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> clamp_Tensor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> clamp_min;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> clamp_max;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> lerp;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&)> addcmul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&)> addcdiv;
}  // namespace plait::op

namespace plait {
inline Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) { return op::where(condition, self, other); }
inline Tensor where_(const Tensor& condition, const Tensor& self, const Tensor& other) { return op::where.inplace(condition, self, other); }
inline std::vector<Tensor> where(const Tensor& condition) { return op::where_condition(condition); }
inline Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value) { return op::masked_fill(self, mask, value); }
inline Tensor masked_fill_(const Tensor& self, const Tensor& mask, const Tensor& value) { return op::masked_fill.inplace(self, mask, value); }
inline Tensor clamp(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clamp(self, min, max); }
inline Tensor clamp_(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clamp.inplace(self, min, max); }
inline Tensor clamp(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clamp_Tensor(self, min, max); }
inline Tensor clamp_(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clamp_Tensor.inplace(self, min, max); }
inline Tensor clamp_min(const Tensor& self, const Tensor& min) { return op::clamp_min(self, min); }
inline Tensor clamp_min_(const Tensor& self, const Tensor& min) { return op::clamp_min.inplace(self, min); }
inline Tensor clamp_max(const Tensor& self, const Tensor& max) { return op::clamp_max(self, max); }
inline Tensor clamp_max_(const Tensor& self, const Tensor& max) { return op::clamp_max.inplace(self, max); }
inline Tensor lerp(const Tensor& self, const Tensor& end, const Tensor& weight) { return op::lerp(self, end, weight); }
inline Tensor lerp_(const Tensor& self, const Tensor& end, const Tensor& weight) { return op::lerp.inplace(self, end, weight); }
inline Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcmul(self, tensor1, tensor2, value); }
inline Tensor addcmul_(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcmul.inplace(self, tensor1, tensor2, value); }
inline Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcdiv(self, tensor1, tensor2, value); }
inline Tensor addcdiv_(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcdiv.inplace(self, tensor1, tensor2, value); }
}  // namespace plait
// clang-format on
