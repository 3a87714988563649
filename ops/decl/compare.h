// Emitted by tools/emit_header.py from ops/compare.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> eq;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> ne;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> lt;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> le;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> gt;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> ge;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logical_and;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logical_or;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logical_xor;
extern PLAIT_API Op<Tensor(const Tensor&)> logical_not;
extern PLAIT_API Op<Tensor(const Tensor&)> isnan;
extern PLAIT_API Op<Tensor(const Tensor&)> isinf;
extern PLAIT_API Op<Tensor(const Tensor&)> isfinite;
extern PLAIT_API Op<Tensor(const Tensor&)> signbit;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double, bool)> isclose;
extern PLAIT_API Op<bool(const Tensor&, const Tensor&, double, double, bool)> allclose;
extern PLAIT_API Op<bool(const Tensor&, const Tensor&)> equal;
}  // namespace plait::op

namespace plait {
inline Tensor eq(const Tensor& self, const Tensor& other) { return op::eq(self, other); }
inline Tensor eq_(const Tensor& self, const Tensor& other) { return op::eq.inplace(self, other); }
inline Tensor ne(const Tensor& self, const Tensor& other) { return op::ne(self, other); }
inline Tensor ne_(const Tensor& self, const Tensor& other) { return op::ne.inplace(self, other); }
inline Tensor lt(const Tensor& self, const Tensor& other) { return op::lt(self, other); }
inline Tensor lt_(const Tensor& self, const Tensor& other) { return op::lt.inplace(self, other); }
inline Tensor le(const Tensor& self, const Tensor& other) { return op::le(self, other); }
inline Tensor le_(const Tensor& self, const Tensor& other) { return op::le.inplace(self, other); }
inline Tensor gt(const Tensor& self, const Tensor& other) { return op::gt(self, other); }
inline Tensor gt_(const Tensor& self, const Tensor& other) { return op::gt.inplace(self, other); }
inline Tensor ge(const Tensor& self, const Tensor& other) { return op::ge(self, other); }
inline Tensor ge_(const Tensor& self, const Tensor& other) { return op::ge.inplace(self, other); }
inline Tensor logical_and(const Tensor& self, const Tensor& other) { return op::logical_and(self, other); }
inline Tensor logical_and_(const Tensor& self, const Tensor& other) { return op::logical_and.inplace(self, other); }
inline Tensor logical_or(const Tensor& self, const Tensor& other) { return op::logical_or(self, other); }
inline Tensor logical_or_(const Tensor& self, const Tensor& other) { return op::logical_or.inplace(self, other); }
inline Tensor logical_xor(const Tensor& self, const Tensor& other) { return op::logical_xor(self, other); }
inline Tensor logical_xor_(const Tensor& self, const Tensor& other) { return op::logical_xor.inplace(self, other); }
inline Tensor logical_not(const Tensor& self) { return op::logical_not(self); }
inline Tensor logical_not_(const Tensor& self) { return op::logical_not.inplace(self); }
inline Tensor isnan(const Tensor& self) { return op::isnan(self); }
inline Tensor isnan_(const Tensor& self) { return op::isnan.inplace(self); }
inline Tensor isinf(const Tensor& self) { return op::isinf(self); }
inline Tensor isinf_(const Tensor& self) { return op::isinf.inplace(self); }
inline Tensor isfinite(const Tensor& self) { return op::isfinite(self); }
inline Tensor isfinite_(const Tensor& self) { return op::isfinite.inplace(self); }
inline Tensor signbit(const Tensor& self) { return op::signbit(self); }
inline Tensor signbit_(const Tensor& self) { return op::signbit.inplace(self); }
inline Tensor isclose(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { return op::isclose(self, other, rtol, atol, equal_nan); }
inline Tensor isclose_(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { return op::isclose.inplace(self, other, rtol, atol, equal_nan); }
inline bool allclose(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { return op::allclose(self, other, rtol, atol, equal_nan); }
inline bool equal(const Tensor& self, const Tensor& other) { return op::equal(self, other); }
}  // namespace plait
// clang-format on
