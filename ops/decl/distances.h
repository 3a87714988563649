// Emitted by tools/emit_header.py from ops/distances.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> _pdist;
}  // namespace plait::op

namespace plait {
inline Tensor _pdist(const Tensor& self) { return op::_pdist(self); }
}  // namespace plait
// clang-format on
