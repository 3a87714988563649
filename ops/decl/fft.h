// Emitted by tools/emit_header.py from ops/fft.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, bool, double)> _fft_c2c;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, double)> _fft_r2c;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, int64_t, double)> _fft_c2r;
}  // namespace plait::op

namespace plait {
inline Tensor _fft_c2c(const Tensor& self, IntSpan dim, bool forward, double scale) { return op::_fft_c2c(self, dim, forward, scale); }
inline Tensor _fft_r2c(const Tensor& self, IntSpan dim, double scale) { return op::_fft_r2c(self, dim, scale); }
inline Tensor _fft_c2r(const Tensor& self, IntSpan dim, int64_t n, double scale) { return op::_fft_c2r(self, dim, n, scale); }
}  // namespace plait
// clang-format on
