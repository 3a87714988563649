// Emitted by tools/emit_header.py from ops/mode.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _mode_index;
}  // namespace plait::op

namespace plait {
inline Tensor _mode_index(const Tensor& self, int64_t dim) { return op::_mode_index(self, dim); }
}  // namespace plait
// clang-format on
