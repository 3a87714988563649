// Emitted by tools/emit_header.py from ops/alias.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> absolute;
extern PLAIT_API Op<Tensor(const Tensor&)> conj_physical;
extern PLAIT_API Op<Tensor(const Tensor&)> negative;
extern PLAIT_API Op<Tensor(const Tensor&)> arccos;
extern PLAIT_API Op<Tensor(const Tensor&)> arcsin;
extern PLAIT_API Op<Tensor(const Tensor&)> arctan;
extern PLAIT_API Op<Tensor(const Tensor&)> arccosh;
extern PLAIT_API Op<Tensor(const Tensor&)> arcsinh;
extern PLAIT_API Op<Tensor(const Tensor&)> arctanh;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> multiply;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> true_divide;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> greater;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> greater_equal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> less;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> less_equal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> not_equal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> arctan2;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> subtract;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<std::string_view>)> divide;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<Scalar>)> clip;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> clip_Tensor;
extern PLAIT_API Op<Tensor(const Tensor&)> fix;
}  // namespace plait::op

namespace plait {
inline Tensor absolute(const Tensor& self) { return op::absolute(self); }
inline Tensor absolute_(const Tensor& self) { return op::absolute.inplace(self); }
inline Tensor conj_physical(const Tensor& self) { return op::conj_physical(self); }
inline Tensor conj_physical_(const Tensor& self) { return op::conj_physical.inplace(self); }
inline Tensor negative(const Tensor& self) { return op::negative(self); }
inline Tensor negative_(const Tensor& self) { return op::negative.inplace(self); }
inline Tensor arccos(const Tensor& self) { return op::arccos(self); }
inline Tensor arccos_(const Tensor& self) { return op::arccos.inplace(self); }
inline Tensor arcsin(const Tensor& self) { return op::arcsin(self); }
inline Tensor arcsin_(const Tensor& self) { return op::arcsin.inplace(self); }
inline Tensor arctan(const Tensor& self) { return op::arctan(self); }
inline Tensor arctan_(const Tensor& self) { return op::arctan.inplace(self); }
inline Tensor arccosh(const Tensor& self) { return op::arccosh(self); }
inline Tensor arccosh_(const Tensor& self) { return op::arccosh.inplace(self); }
inline Tensor arcsinh(const Tensor& self) { return op::arcsinh(self); }
inline Tensor arcsinh_(const Tensor& self) { return op::arcsinh.inplace(self); }
inline Tensor arctanh(const Tensor& self) { return op::arctanh(self); }
inline Tensor arctanh_(const Tensor& self) { return op::arctanh.inplace(self); }
inline Tensor multiply(const Tensor& self, const Tensor& other) { return op::multiply(self, other); }
inline Tensor multiply_(const Tensor& self, const Tensor& other) { return op::multiply.inplace(self, other); }
inline Tensor true_divide(const Tensor& self, const Tensor& other) { return op::true_divide(self, other); }
inline Tensor true_divide_(const Tensor& self, const Tensor& other) { return op::true_divide.inplace(self, other); }
inline Tensor greater(const Tensor& self, const Tensor& other) { return op::greater(self, other); }
inline Tensor greater_(const Tensor& self, const Tensor& other) { return op::greater.inplace(self, other); }
inline Tensor greater_equal(const Tensor& self, const Tensor& other) { return op::greater_equal(self, other); }
inline Tensor greater_equal_(const Tensor& self, const Tensor& other) { return op::greater_equal.inplace(self, other); }
inline Tensor less(const Tensor& self, const Tensor& other) { return op::less(self, other); }
inline Tensor less_(const Tensor& self, const Tensor& other) { return op::less.inplace(self, other); }
inline Tensor less_equal(const Tensor& self, const Tensor& other) { return op::less_equal(self, other); }
inline Tensor less_equal_(const Tensor& self, const Tensor& other) { return op::less_equal.inplace(self, other); }
inline Tensor not_equal(const Tensor& self, const Tensor& other) { return op::not_equal(self, other); }
inline Tensor not_equal_(const Tensor& self, const Tensor& other) { return op::not_equal.inplace(self, other); }
inline Tensor arctan2(const Tensor& self, const Tensor& other) { return op::arctan2(self, other); }
inline Tensor arctan2_(const Tensor& self, const Tensor& other) { return op::arctan2.inplace(self, other); }
inline Tensor subtract(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::subtract(self, other, alpha); }
inline Tensor subtract_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::subtract.inplace(self, other, alpha); }
inline Tensor divide(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode = std::nullopt) { return op::divide(self, other, rounding_mode); }
inline Tensor divide_(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode = std::nullopt) { return op::divide.inplace(self, other, rounding_mode); }
inline Tensor clip(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clip(self, min, max); }
inline Tensor clip_(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clip.inplace(self, min, max); }
inline Tensor clip(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clip_Tensor(self, min, max); }
inline Tensor clip_(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clip_Tensor.inplace(self, min, max); }
inline Tensor fix(const Tensor& self) { return op::fix(self); }
inline Tensor fix_(const Tensor& self) { return op::fix.inplace(self); }
}  // namespace plait
// clang-format on
