// Emitted by tools/emit_header.py from ops/float_parts.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&)> frexp;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> frexp(const Tensor& self) { return op::frexp(self); }
}  // namespace plait
// clang-format on
