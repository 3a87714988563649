// Emitted by tools/emit_header.py from ops/power.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> pow;
extern PLAIT_API Op<Tensor(const Scalar&, const Tensor&)> pow_Scalar;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> maximum;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> minimum;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fmax;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fmin;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> atan2;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> hypot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logaddexp;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logaddexp2;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> nextafter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> copysign;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> heaviside;
}  // namespace plait::op

namespace plait {
inline Tensor pow(const Tensor& self, const Tensor& exponent) { return op::pow(self, exponent); }
inline Tensor pow_(const Tensor& self, const Tensor& exponent) { return op::pow.inplace(self, exponent); }
inline Tensor pow(const Scalar& self, const Tensor& exponent) { return op::pow_Scalar(self, exponent); }
inline Tensor maximum(const Tensor& self, const Tensor& other) { return op::maximum(self, other); }
inline Tensor maximum_(const Tensor& self, const Tensor& other) { return op::maximum.inplace(self, other); }
inline Tensor minimum(const Tensor& self, const Tensor& other) { return op::minimum(self, other); }
inline Tensor minimum_(const Tensor& self, const Tensor& other) { return op::minimum.inplace(self, other); }
inline Tensor fmax(const Tensor& self, const Tensor& other) { return op::fmax(self, other); }
inline Tensor fmax_(const Tensor& self, const Tensor& other) { return op::fmax.inplace(self, other); }
inline Tensor fmin(const Tensor& self, const Tensor& other) { return op::fmin(self, other); }
inline Tensor fmin_(const Tensor& self, const Tensor& other) { return op::fmin.inplace(self, other); }
inline Tensor atan2(const Tensor& self, const Tensor& other) { return op::atan2(self, other); }
inline Tensor atan2_(const Tensor& self, const Tensor& other) { return op::atan2.inplace(self, other); }
inline Tensor hypot(const Tensor& self, const Tensor& other) { return op::hypot(self, other); }
inline Tensor hypot_(const Tensor& self, const Tensor& other) { return op::hypot.inplace(self, other); }
inline Tensor logaddexp(const Tensor& self, const Tensor& other) { return op::logaddexp(self, other); }
inline Tensor logaddexp_(const Tensor& self, const Tensor& other) { return op::logaddexp.inplace(self, other); }
inline Tensor logaddexp2(const Tensor& self, const Tensor& other) { return op::logaddexp2(self, other); }
inline Tensor logaddexp2_(const Tensor& self, const Tensor& other) { return op::logaddexp2.inplace(self, other); }
inline Tensor nextafter(const Tensor& self, const Tensor& other) { return op::nextafter(self, other); }
inline Tensor nextafter_(const Tensor& self, const Tensor& other) { return op::nextafter.inplace(self, other); }
inline Tensor copysign(const Tensor& self, const Tensor& other) { return op::copysign(self, other); }
inline Tensor copysign_(const Tensor& self, const Tensor& other) { return op::copysign.inplace(self, other); }
inline Tensor heaviside(const Tensor& self, const Tensor& values) { return op::heaviside(self, values); }
inline Tensor heaviside_(const Tensor& self, const Tensor& values) { return op::heaviside.inplace(self, values); }
}  // namespace plait
// clang-format on
