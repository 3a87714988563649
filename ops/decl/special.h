// Emitted by tools/emit_header.py from ops/special.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> erf;
extern PLAIT_API Op<Tensor(const Tensor&)> erfc;
extern PLAIT_API Op<Tensor(const Tensor&)> erfinv;
extern PLAIT_API Op<Tensor(const Tensor&)> lgamma;
extern PLAIT_API Op<Tensor(const Tensor&)> digamma;
extern PLAIT_API Op<Tensor(const Tensor&)> _trigamma;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _polygamma;
extern PLAIT_API Op<Tensor(int64_t, const Tensor&)> polygamma;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> xlogy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> special_xlog1py;
extern PLAIT_API Op<Tensor(const Scalar&, const Tensor&)> special_xlog1py_Scalar;
extern PLAIT_API Op<Tensor(const Tensor&)> special_entr;
}  // namespace plait::op

namespace plait {
inline Tensor erf(const Tensor& self) { return op::erf(self); }
inline Tensor erf_(const Tensor& self) { return op::erf.inplace(self); }
inline Tensor erfc(const Tensor& self) { return op::erfc(self); }
inline Tensor erfc_(const Tensor& self) { return op::erfc.inplace(self); }
inline Tensor erfinv(const Tensor& self) { return op::erfinv(self); }
inline Tensor erfinv_(const Tensor& self) { return op::erfinv.inplace(self); }
inline Tensor lgamma(const Tensor& self) { return op::lgamma(self); }
inline Tensor lgamma_(const Tensor& self) { return op::lgamma.inplace(self); }
inline Tensor digamma(const Tensor& self) { return op::digamma(self); }
inline Tensor digamma_(const Tensor& self) { return op::digamma.inplace(self); }
inline Tensor _trigamma(const Tensor& self) { return op::_trigamma(self); }
inline Tensor _polygamma(const Tensor& self, int64_t n) { return op::_polygamma(self, n); }
inline Tensor polygamma(int64_t n, const Tensor& self) { return op::polygamma(n, self); }
inline Tensor xlogy(const Tensor& self, const Tensor& other) { return op::xlogy(self, other); }
inline Tensor xlogy_(const Tensor& self, const Tensor& other) { return op::xlogy.inplace(self, other); }
inline Tensor special_xlog1py(const Tensor& self, const Tensor& other) { return op::special_xlog1py(self, other); }
inline Tensor special_xlog1py_(const Tensor& self, const Tensor& other) { return op::special_xlog1py.inplace(self, other); }
inline Tensor special_xlog1py(const Scalar& self, const Tensor& other) { return op::special_xlog1py_Scalar(self, other); }
inline Tensor special_entr(const Tensor& self) { return op::special_entr(self); }
inline Tensor special_entr_(const Tensor& self) { return op::special_entr.inplace(self); }
}  // namespace plait
// clang-format on
