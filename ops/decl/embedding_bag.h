// Emitted by tools/emit_header.py from ops/embedding_bag.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool)> _embedding_bag;
}  // namespace plait::op

namespace plait {
inline Tensor _embedding_bag(const Tensor& weight, const Tensor& indices, const Tensor& starts, const Tensor& per_sample_weights, bool scale_grad_by_freq) { return op::_embedding_bag(weight, indices, starts, per_sample_weights, scale_grad_by_freq); }
}  // namespace plait
// clang-format on
