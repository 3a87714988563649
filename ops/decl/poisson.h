// Emitted by tools/emit_header.py from ops/poisson.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Generator&)> poisson;
}  // namespace plait::op

namespace plait {
inline Tensor poisson(const Tensor& self, const Generator& generator = {}) { return op::poisson(self, generator); }
inline Tensor poisson_(const Tensor& self, const Generator& generator = {}) { return op::poisson.inplace(self, generator); }
}  // namespace plait
// clang-format on
