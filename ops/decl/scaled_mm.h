// Emitted by tools/emit_header.py from ops/scaled_mm.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, std::optional<DType>, bool)> _scaled_mm;
}  // namespace plait::op

namespace plait {
inline Tensor _scaled_mm(const Tensor& self, const Tensor& mat2, const Tensor& scale_a, const Tensor& scale_b, const Tensor& bias = {}, const Tensor& scale_result = {}, std::optional<DType> out_dtype = std::nullopt, bool use_fast_accum = false) { return op::_scaled_mm(self, mat2, scale_a, scale_b, bias, scale_result, out_dtype, use_fast_accum); }
}  // namespace plait
// clang-format on
