// Emitted by tools/emit_header.py from ops/pad.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Scalar&)> constant_pad_nd;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::string_view)> _pad_nd;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, std::string_view)> _pad_nd_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::string_view, std::optional<Scalar>)> pad;
}  // namespace plait::op

namespace plait {
inline Tensor constant_pad_nd(const Tensor& self, IntSpan pad, const Scalar& value = 0) { return op::constant_pad_nd(self, pad, value); }
inline Tensor constant_pad_nd_(const Tensor& self, IntSpan pad, const Scalar& value = 0) { return op::constant_pad_nd.inplace(self, pad, value); }
inline Tensor _pad_nd(const Tensor& self, IntSpan pad, std::string_view mode) { return op::_pad_nd(self, pad, mode); }
inline Tensor _pad_nd_backward(const Tensor& grad, IntSpan size, IntSpan pad, std::string_view mode) { return op::_pad_nd_backward(grad, size, pad, mode); }
inline Tensor pad(const Tensor& self, IntSpan pad, std::string_view mode = "constant", std::optional<Scalar> value = std::nullopt) { return op::pad(self, pad, mode, value); }
inline Tensor pad_(const Tensor& self, IntSpan pad, std::string_view mode = "constant", std::optional<Scalar> value = std::nullopt) { return op::pad.inplace(self, pad, mode, value); }
}  // namespace plait
// clang-format on
