// Emitted by tools/emit_header.py from ops/exponential.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> exp;
extern PLAIT_API Op<Tensor(const Tensor&)> exp2;
extern PLAIT_API Op<Tensor(const Tensor&)> expm1;
extern PLAIT_API Op<Tensor(const Tensor&)> log;
extern PLAIT_API Op<Tensor(const Tensor&)> log2;
extern PLAIT_API Op<Tensor(const Tensor&)> log10;
extern PLAIT_API Op<Tensor(const Tensor&)> log1p;
extern PLAIT_API Op<Tensor(const Tensor&)> sqrt;
extern PLAIT_API Op<Tensor(const Tensor&)> rsqrt;
extern PLAIT_API Op<Tensor(const Tensor&)> reciprocal;
}  // namespace plait::op

namespace plait {
inline Tensor exp(const Tensor& self) { return op::exp(self); }
inline Tensor exp_(const Tensor& self) { return op::exp.inplace(self); }
inline Tensor exp2(const Tensor& self) { return op::exp2(self); }
inline Tensor exp2_(const Tensor& self) { return op::exp2.inplace(self); }
inline Tensor expm1(const Tensor& self) { return op::expm1(self); }
inline Tensor expm1_(const Tensor& self) { return op::expm1.inplace(self); }
inline Tensor log(const Tensor& self) { return op::log(self); }
inline Tensor log_(const Tensor& self) { return op::log.inplace(self); }
inline Tensor log2(const Tensor& self) { return op::log2(self); }
inline Tensor log2_(const Tensor& self) { return op::log2.inplace(self); }
inline Tensor log10(const Tensor& self) { return op::log10(self); }
inline Tensor log10_(const Tensor& self) { return op::log10.inplace(self); }
inline Tensor log1p(const Tensor& self) { return op::log1p(self); }
inline Tensor log1p_(const Tensor& self) { return op::log1p.inplace(self); }
inline Tensor sqrt(const Tensor& self) { return op::sqrt(self); }
inline Tensor sqrt_(const Tensor& self) { return op::sqrt.inplace(self); }
inline Tensor rsqrt(const Tensor& self) { return op::rsqrt(self); }
inline Tensor rsqrt_(const Tensor& self) { return op::rsqrt.inplace(self); }
inline Tensor reciprocal(const Tensor& self) { return op::reciprocal(self); }
inline Tensor reciprocal_(const Tensor& self) { return op::reciprocal.inplace(self); }
}  // namespace plait
// clang-format on
