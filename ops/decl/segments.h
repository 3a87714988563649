// Emitted by tools/emit_header.py from ops/segments.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, std::string_view, double)> _reduce_segments;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t)> _segment_spread;
}  // namespace plait::op

namespace plait {
inline Tensor _reduce_segments(const Tensor& self, const Tensor& offsets, int64_t axis, std::string_view reduce, double initial) { return op::_reduce_segments(self, offsets, axis, reduce, initial); }
inline Tensor _segment_spread(const Tensor& self, const Tensor& offsets, int64_t axis, int64_t size) { return op::_segment_spread(self, offsets, axis, size); }
}  // namespace plait
// clang-format on
