// Emitted by tools/emit_header.py from ops/batch.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_hide;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_reveal;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_spread;
extern PLAIT_API Op<Tensor(const Tensor&)> _batch_own;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_sum;
}  // namespace plait::op

namespace plait {
inline Tensor _batch_hide(const Tensor& self, int64_t dim, int64_t level) { return op::_batch_hide(self, dim, level); }
inline Tensor _batch_reveal(const Tensor& self, int64_t dim, int64_t level) { return op::_batch_reveal(self, dim, level); }
inline Tensor _batch_spread(const Tensor& self, int64_t level, int64_t size) { return op::_batch_spread(self, level, size); }
inline Tensor _batch_own(const Tensor& self) { return op::_batch_own(self); }
inline Tensor _batch_sum(const Tensor& self, int64_t level, int64_t size) { return op::_batch_sum(self, level, size); }
}  // namespace plait
// clang-format on
