// Emitted by tools/emit_header.py from ops/histograms.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, TensorList, const Tensor&)> _histogram;
}  // namespace plait::op

namespace plait {
inline Tensor _histogram(const Tensor& self, TensorList edges, const Tensor& weight = {}) { return op::_histogram(self, edges, weight); }
}  // namespace plait
// clang-format on
