// Emitted by tools/emit_header.py from ops/fractional_max_pool.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, IntSpan, const Tensor&)> _fractional_max_pool;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> _fractional_max_pool(const Tensor& self, IntSpan kernel_size, IntSpan output_size, const Tensor& random_samples) { return op::_fractional_max_pool(self, kernel_size, output_size, random_samples); }
}  // namespace plait
// clang-format on
