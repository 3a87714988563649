// Emitted by tools/emit_header.py from ops/gamma.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> special_zeta;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> igamma;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> igammac;
}  // namespace plait::op

namespace plait {
inline Tensor special_zeta(const Tensor& self, const Tensor& other) { return op::special_zeta(self, other); }
inline Tensor special_zeta_(const Tensor& self, const Tensor& other) { return op::special_zeta.inplace(self, other); }
inline Tensor igamma(const Tensor& self, const Tensor& other) { return op::igamma(self, other); }
inline Tensor igamma_(const Tensor& self, const Tensor& other) { return op::igamma.inplace(self, other); }
inline Tensor igammac(const Tensor& self, const Tensor& other) { return op::igammac(self, other); }
inline Tensor igammac_(const Tensor& self, const Tensor& other) { return op::igammac.inplace(self, other); }
}  // namespace plait
// clang-format on
