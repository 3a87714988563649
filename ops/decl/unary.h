// Emitted by tools/emit_header.py from ops/unary.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> neg;
extern PLAIT_API Op<Tensor(const Tensor&)> positive;
extern PLAIT_API Op<Tensor(const Tensor&)> abs;
extern PLAIT_API Op<Tensor(const Tensor&)> sign;
extern PLAIT_API Op<Tensor(const Tensor&)> sgn;
extern PLAIT_API Op<Tensor(const Tensor&)> square;
extern PLAIT_API Op<Tensor(const Tensor&)> floor;
extern PLAIT_API Op<Tensor(const Tensor&)> ceil;
extern PLAIT_API Op<Tensor(const Tensor&)> trunc;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> round;
extern PLAIT_API Op<Tensor(const Tensor&)> frac;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<double>, std::optional<double>, std::optional<double>)> nan_to_num;
}  // namespace plait::op

namespace plait {
inline Tensor neg(const Tensor& self) { return op::neg(self); }
inline Tensor neg_(const Tensor& self) { return op::neg.inplace(self); }
inline Tensor positive(const Tensor& self) { return op::positive(self); }
inline Tensor positive_(const Tensor& self) { return op::positive.inplace(self); }
inline Tensor abs(const Tensor& self) { return op::abs(self); }
inline Tensor abs_(const Tensor& self) { return op::abs.inplace(self); }
inline Tensor sign(const Tensor& self) { return op::sign(self); }
inline Tensor sign_(const Tensor& self) { return op::sign.inplace(self); }
inline Tensor sgn(const Tensor& self) { return op::sgn(self); }
inline Tensor sgn_(const Tensor& self) { return op::sgn.inplace(self); }
inline Tensor square(const Tensor& self) { return op::square(self); }
inline Tensor square_(const Tensor& self) { return op::square.inplace(self); }
inline Tensor floor(const Tensor& self) { return op::floor(self); }
inline Tensor floor_(const Tensor& self) { return op::floor.inplace(self); }
inline Tensor ceil(const Tensor& self) { return op::ceil(self); }
inline Tensor ceil_(const Tensor& self) { return op::ceil.inplace(self); }
inline Tensor trunc(const Tensor& self) { return op::trunc(self); }
inline Tensor trunc_(const Tensor& self) { return op::trunc.inplace(self); }
inline Tensor round(const Tensor& self, int64_t decimals = 0) { return op::round(self, decimals); }
inline Tensor round_(const Tensor& self, int64_t decimals = 0) { return op::round.inplace(self, decimals); }
inline Tensor frac(const Tensor& self) { return op::frac(self); }
inline Tensor frac_(const Tensor& self) { return op::frac.inplace(self); }
inline Tensor nan_to_num(const Tensor& self, std::optional<double> nan = std::nullopt, std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) { return op::nan_to_num(self, nan, posinf, neginf); }
inline Tensor nan_to_num_(const Tensor& self, std::optional<double> nan = std::nullopt, std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) { return op::nan_to_num.inplace(self, nan, posinf, neginf); }
}  // namespace plait
// clang-format on
