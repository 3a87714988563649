// Emitted by tools/emit_header.py from ops/ctc.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t)> _ctc_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t)> _ctc_loss_backward;
}  // namespace plait::op

namespace plait {
inline Tensor _ctc_loss(const Tensor& self, const Tensor& targets, IntSpan input_lengths, IntSpan target_lengths, int64_t blank) { return op::_ctc_loss(self, targets, input_lengths, target_lengths, blank); }
inline Tensor _ctc_loss_backward(const Tensor& grad, const Tensor& self, const Tensor& targets, IntSpan input_lengths, IntSpan target_lengths, int64_t blank) { return op::_ctc_loss_backward(grad, self, targets, input_lengths, target_lengths, blank); }
}  // namespace plait
// clang-format on
