// Emitted by tools/emit_header.py from ops/trigonometric.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> sin;
extern PLAIT_API Op<Tensor(const Tensor&)> cos;
extern PLAIT_API Op<Tensor(const Tensor&)> tan;
extern PLAIT_API Op<Tensor(const Tensor&)> sinc;
extern PLAIT_API Op<Tensor(const Tensor&)> asin;
extern PLAIT_API Op<Tensor(const Tensor&)> acos;
extern PLAIT_API Op<Tensor(const Tensor&)> atan;
extern PLAIT_API Op<Tensor(const Tensor&)> sinh;
extern PLAIT_API Op<Tensor(const Tensor&)> cosh;
extern PLAIT_API Op<Tensor(const Tensor&)> tanh;
extern PLAIT_API Op<Tensor(const Tensor&)> asinh;
extern PLAIT_API Op<Tensor(const Tensor&)> acosh;
extern PLAIT_API Op<Tensor(const Tensor&)> atanh;
extern PLAIT_API Op<Tensor(const Tensor&)> deg2rad;
extern PLAIT_API Op<Tensor(const Tensor&)> rad2deg;
}  // namespace plait::op

namespace plait {
inline Tensor sin(const Tensor& self) { return op::sin(self); }
inline Tensor sin_(const Tensor& self) { return op::sin.inplace(self); }
inline Tensor cos(const Tensor& self) { return op::cos(self); }
inline Tensor cos_(const Tensor& self) { return op::cos.inplace(self); }
inline Tensor tan(const Tensor& self) { return op::tan(self); }
inline Tensor tan_(const Tensor& self) { return op::tan.inplace(self); }
inline Tensor sinc(const Tensor& self) { return op::sinc(self); }
inline Tensor sinc_(const Tensor& self) { return op::sinc.inplace(self); }
inline Tensor asin(const Tensor& self) { return op::asin(self); }
inline Tensor asin_(const Tensor& self) { return op::asin.inplace(self); }
inline Tensor acos(const Tensor& self) { return op::acos(self); }
inline Tensor acos_(const Tensor& self) { return op::acos.inplace(self); }
inline Tensor atan(const Tensor& self) { return op::atan(self); }
inline Tensor atan_(const Tensor& self) { return op::atan.inplace(self); }
inline Tensor sinh(const Tensor& self) { return op::sinh(self); }
inline Tensor sinh_(const Tensor& self) { return op::sinh.inplace(self); }
inline Tensor cosh(const Tensor& self) { return op::cosh(self); }
inline Tensor cosh_(const Tensor& self) { return op::cosh.inplace(self); }
inline Tensor tanh(const Tensor& self) { return op::tanh(self); }
inline Tensor tanh_(const Tensor& self) { return op::tanh.inplace(self); }
inline Tensor asinh(const Tensor& self) { return op::asinh(self); }
inline Tensor asinh_(const Tensor& self) { return op::asinh.inplace(self); }
inline Tensor acosh(const Tensor& self) { return op::acosh(self); }
inline Tensor acosh_(const Tensor& self) { return op::acosh.inplace(self); }
inline Tensor atanh(const Tensor& self) { return op::atanh(self); }
inline Tensor atanh_(const Tensor& self) { return op::atanh.inplace(self); }
inline Tensor deg2rad(const Tensor& self) { return op::deg2rad(self); }
inline Tensor deg2rad_(const Tensor& self) { return op::deg2rad.inplace(self); }
inline Tensor rad2deg(const Tensor& self) { return op::rad2deg(self); }
inline Tensor rad2deg_(const Tensor& self) { return op::rad2deg.inplace(self); }
}  // namespace plait
// clang-format on
