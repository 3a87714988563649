// Emitted by tools/emit_header.py from ops/logical.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> bitwise_not;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_and;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_or;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_xor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_left_shift;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_right_shift;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> gcd;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> lcm;
}  // namespace plait::op

namespace plait {
inline Tensor bitwise_not(const Tensor& self) { return op::bitwise_not(self); }
inline Tensor bitwise_not_(const Tensor& self) { return op::bitwise_not.inplace(self); }
inline Tensor bitwise_and(const Tensor& self, const Tensor& other) { return op::bitwise_and(self, other); }
inline Tensor bitwise_and_(const Tensor& self, const Tensor& other) { return op::bitwise_and.inplace(self, other); }
inline Tensor bitwise_or(const Tensor& self, const Tensor& other) { return op::bitwise_or(self, other); }
inline Tensor bitwise_or_(const Tensor& self, const Tensor& other) { return op::bitwise_or.inplace(self, other); }
inline Tensor bitwise_xor(const Tensor& self, const Tensor& other) { return op::bitwise_xor(self, other); }
inline Tensor bitwise_xor_(const Tensor& self, const Tensor& other) { return op::bitwise_xor.inplace(self, other); }
inline Tensor bitwise_left_shift(const Tensor& self, const Tensor& other) { return op::bitwise_left_shift(self, other); }
inline Tensor bitwise_left_shift_(const Tensor& self, const Tensor& other) { return op::bitwise_left_shift.inplace(self, other); }
inline Tensor bitwise_right_shift(const Tensor& self, const Tensor& other) { return op::bitwise_right_shift(self, other); }
inline Tensor bitwise_right_shift_(const Tensor& self, const Tensor& other) { return op::bitwise_right_shift.inplace(self, other); }
inline Tensor gcd(const Tensor& self, const Tensor& other) { return op::gcd(self, other); }
inline Tensor gcd_(const Tensor& self, const Tensor& other) { return op::gcd.inplace(self, other); }
inline Tensor lcm(const Tensor& self, const Tensor& other) { return op::lcm(self, other); }
inline Tensor lcm_(const Tensor& self, const Tensor& other) { return op::lcm.inplace(self, other); }
}  // namespace plait
// clang-format on
