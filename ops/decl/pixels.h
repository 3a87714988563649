// Emitted by tools/emit_header.py from ops/pixels.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> pixel_shuffle;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> pixel_unshuffle;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> channel_shuffle;
}  // namespace plait::op

namespace plait {
inline Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor) { return op::pixel_shuffle(self, upscale_factor); }
inline Tensor pixel_shuffle_(const Tensor& self, int64_t upscale_factor) { return op::pixel_shuffle.inplace(self, upscale_factor); }
inline Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor) { return op::pixel_unshuffle(self, downscale_factor); }
inline Tensor pixel_unshuffle_(const Tensor& self, int64_t downscale_factor) { return op::pixel_unshuffle.inplace(self, downscale_factor); }
inline Tensor channel_shuffle(const Tensor& self, int64_t groups) { return op::channel_shuffle(self, groups); }
inline Tensor channel_shuffle_(const Tensor& self, int64_t groups) { return op::channel_shuffle.inplace(self, groups); }
}  // namespace plait
// clang-format on
