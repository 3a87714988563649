// Emitted by tools/emit_header.py from ops/bessel.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> i0;
extern PLAIT_API Op<Tensor(const Tensor&)> special_i0e;
extern PLAIT_API Op<Tensor(const Tensor&)> special_i1;
extern PLAIT_API Op<Tensor(const Tensor&)> special_i1e;
extern PLAIT_API Op<Tensor(const Tensor&)> special_bessel_j0;
extern PLAIT_API Op<Tensor(const Tensor&)> special_bessel_j1;
extern PLAIT_API Op<Tensor(const Tensor&)> special_bessel_y0;
extern PLAIT_API Op<Tensor(const Tensor&)> special_bessel_y1;
extern PLAIT_API Op<Tensor(const Tensor&)> special_modified_bessel_k0;
extern PLAIT_API Op<Tensor(const Tensor&)> special_modified_bessel_k1;
extern PLAIT_API Op<Tensor(const Tensor&)> special_scaled_modified_bessel_k0;
extern PLAIT_API Op<Tensor(const Tensor&)> special_scaled_modified_bessel_k1;
extern PLAIT_API Op<Tensor(const Tensor&)> special_spherical_bessel_j0;
extern PLAIT_API Op<Tensor(const Tensor&)> special_erfcx;
extern PLAIT_API Op<Tensor(const Tensor&)> special_log_ndtr;
}  // namespace plait::op

namespace plait {
inline Tensor i0(const Tensor& self) { return op::i0(self); }
inline Tensor i0_(const Tensor& self) { return op::i0.inplace(self); }
inline Tensor special_i0e(const Tensor& self) { return op::special_i0e(self); }
inline Tensor special_i0e_(const Tensor& self) { return op::special_i0e.inplace(self); }
inline Tensor special_i1(const Tensor& self) { return op::special_i1(self); }
inline Tensor special_i1_(const Tensor& self) { return op::special_i1.inplace(self); }
inline Tensor special_i1e(const Tensor& self) { return op::special_i1e(self); }
inline Tensor special_i1e_(const Tensor& self) { return op::special_i1e.inplace(self); }
inline Tensor special_bessel_j0(const Tensor& self) { return op::special_bessel_j0(self); }
inline Tensor special_bessel_j0_(const Tensor& self) { return op::special_bessel_j0.inplace(self); }
inline Tensor special_bessel_j1(const Tensor& self) { return op::special_bessel_j1(self); }
inline Tensor special_bessel_j1_(const Tensor& self) { return op::special_bessel_j1.inplace(self); }
inline Tensor special_bessel_y0(const Tensor& self) { return op::special_bessel_y0(self); }
inline Tensor special_bessel_y0_(const Tensor& self) { return op::special_bessel_y0.inplace(self); }
inline Tensor special_bessel_y1(const Tensor& self) { return op::special_bessel_y1(self); }
inline Tensor special_bessel_y1_(const Tensor& self) { return op::special_bessel_y1.inplace(self); }
inline Tensor special_modified_bessel_k0(const Tensor& self) { return op::special_modified_bessel_k0(self); }
inline Tensor special_modified_bessel_k0_(const Tensor& self) { return op::special_modified_bessel_k0.inplace(self); }
inline Tensor special_modified_bessel_k1(const Tensor& self) { return op::special_modified_bessel_k1(self); }
inline Tensor special_modified_bessel_k1_(const Tensor& self) { return op::special_modified_bessel_k1.inplace(self); }
inline Tensor special_scaled_modified_bessel_k0(const Tensor& self) { return op::special_scaled_modified_bessel_k0(self); }
inline Tensor special_scaled_modified_bessel_k0_(const Tensor& self) { return op::special_scaled_modified_bessel_k0.inplace(self); }
inline Tensor special_scaled_modified_bessel_k1(const Tensor& self) { return op::special_scaled_modified_bessel_k1(self); }
inline Tensor special_scaled_modified_bessel_k1_(const Tensor& self) { return op::special_scaled_modified_bessel_k1.inplace(self); }
inline Tensor special_spherical_bessel_j0(const Tensor& self) { return op::special_spherical_bessel_j0(self); }
inline Tensor special_spherical_bessel_j0_(const Tensor& self) { return op::special_spherical_bessel_j0.inplace(self); }
inline Tensor special_erfcx(const Tensor& self) { return op::special_erfcx(self); }
inline Tensor special_erfcx_(const Tensor& self) { return op::special_erfcx.inplace(self); }
inline Tensor special_log_ndtr(const Tensor& self) { return op::special_log_ndtr(self); }
inline Tensor special_log_ndtr_(const Tensor& self) { return op::special_log_ndtr.inplace(self); }
}  // namespace plait
// clang-format on
