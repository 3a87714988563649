// Emitted by tools/emit_header.py from ops/polynomials.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(std::string_view, const Tensor&, const Tensor&, int64_t)> _orthogonal_polynomial;
}  // namespace plait::op

namespace plait {
inline Tensor _orthogonal_polynomial(std::string_view function, const Tensor& self, const Tensor& n, int64_t order = 0) { return op::_orthogonal_polynomial(function, self, n, order); }
}  // namespace plait
// clang-format on
