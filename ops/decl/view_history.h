// Emitted by tools/emit_header.py from ops/view_history.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_read;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> _view_accumulate;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_write;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> as_strided;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> _as_strided_backward;
}  // namespace plait::op

namespace plait {
inline Tensor _view_read(const Tensor& self, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_read(self, size, stride, offset, base_stride); }
inline Tensor _view_accumulate(const Tensor& self, IntSpan base_size, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_accumulate(self, base_size, size, stride, offset, base_stride); }
inline Tensor _view_write(const Tensor& self, const Tensor& src, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_write(self, src, size, stride, offset, base_stride); }
inline Tensor as_strided(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided(self, size, stride, storage_offset); }
inline Tensor as_strided_(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided.inplace(self, size, stride, storage_offset); }
inline Tensor _as_strided_backward(const Tensor& self, const Tensor& input, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset) { return op::_as_strided_backward(self, input, size, stride, storage_offset); }
}  // namespace plait
// clang-format on
