// Emitted by tools/emit_header.py from ops/margin_losses.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, double)> _multi_margin;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _multilabel_margin;
}  // namespace plait::op

namespace plait {
inline Tensor _multi_margin(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t p, double margin) { return op::_multi_margin(self, target, weight, p, margin); }
inline Tensor _multilabel_margin(const Tensor& self, const Tensor& target) { return op::_multilabel_margin(self, target); }
}  // namespace plait
// clang-format on
