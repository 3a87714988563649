// Emitted by tools/emit_header.py from ops/complex.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> view_as_real;
extern PLAIT_API Op<Tensor(const Tensor&)> view_as_complex;
extern PLAIT_API Op<Tensor(const Tensor&)> real;
extern PLAIT_API Op<Tensor(const Tensor&)> imag;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> complex;
extern PLAIT_API Op<Tensor(const Tensor&)> conj;
extern PLAIT_API Op<Tensor(const Tensor&)> _conj;
extern PLAIT_API Op<Tensor(const Tensor&)> angle;
}  // namespace plait::op

namespace plait {
inline Tensor view_as_real(const Tensor& self) { return op::view_as_real(self); }
inline Tensor view_as_real_(const Tensor& self) { return op::view_as_real.inplace(self); }
inline Tensor view_as_complex(const Tensor& self) { return op::view_as_complex(self); }
inline Tensor view_as_complex_(const Tensor& self) { return op::view_as_complex.inplace(self); }
inline Tensor real(const Tensor& self) { return op::real(self); }
inline Tensor real_(const Tensor& self) { return op::real.inplace(self); }
inline Tensor imag(const Tensor& self) { return op::imag(self); }
inline Tensor imag_(const Tensor& self) { return op::imag.inplace(self); }
inline Tensor complex(const Tensor& real, const Tensor& imag) { return op::complex(real, imag); }
inline Tensor complex_(const Tensor& real, const Tensor& imag) { return op::complex.inplace(real, imag); }
inline Tensor conj(const Tensor& self) { return op::conj(self); }
inline Tensor conj_(const Tensor& self) { return op::conj.inplace(self); }
inline Tensor _conj(const Tensor& self) { return op::_conj(self); }
inline Tensor angle(const Tensor& self) { return op::angle(self); }
inline Tensor angle_(const Tensor& self) { return op::angle.inplace(self); }
}  // namespace plait
// clang-format on
