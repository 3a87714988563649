// Emitted by tools/emit_header.py from ops/fft_functions.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(std::string_view, const Tensor&, std::optional<IntSpan>, std::optional<IntSpan>, std::optional<std::string_view>)> _fft;
}  // namespace plait::op

namespace plait {
inline Tensor _fft(std::string_view function, const Tensor& self, std::optional<IntSpan> s = std::nullopt, std::optional<IntSpan> dim = std::nullopt, std::optional<std::string_view> norm = std::nullopt) { return op::_fft(function, self, s, dim, norm); }
}  // namespace plait
// clang-format on
