// Emitted by tools/emit_header.py from ops/arithmetic.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> add;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> sub;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> div;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<std::string_view>)> div_mode;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> floor_divide;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> remainder;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fmod;
}  // namespace plait::op

namespace plait {
inline Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add(self, other, alpha); }
inline Tensor add_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add.inplace(self, other, alpha); }
inline Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub(self, other, alpha); }
inline Tensor sub_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub.inplace(self, other, alpha); }
inline Tensor mul(const Tensor& self, const Tensor& other) { return op::mul(self, other); }
inline Tensor mul_(const Tensor& self, const Tensor& other) { return op::mul.inplace(self, other); }
inline Tensor div(const Tensor& self, const Tensor& other) { return op::div(self, other); }
inline Tensor div_(const Tensor& self, const Tensor& other) { return op::div.inplace(self, other); }
inline Tensor div(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) { return op::div_mode(self, other, rounding_mode); }
inline Tensor div_(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) { return op::div_mode.inplace(self, other, rounding_mode); }
inline Tensor floor_divide(const Tensor& self, const Tensor& other) { return op::floor_divide(self, other); }
inline Tensor floor_divide_(const Tensor& self, const Tensor& other) { return op::floor_divide.inplace(self, other); }
inline Tensor remainder(const Tensor& self, const Tensor& other) { return op::remainder(self, other); }
inline Tensor remainder_(const Tensor& self, const Tensor& other) { return op::remainder.inplace(self, other); }
inline Tensor fmod(const Tensor& self, const Tensor& other) { return op::fmod(self, other); }
inline Tensor fmod_(const Tensor& self, const Tensor& other) { return op::fmod.inplace(self, other); }
}  // namespace plait
// clang-format on
