// Emitted by tools/emit_header.py from ops/grid_sample.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> grid_sampler;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t, bool, bool, bool)> _grid_sampler_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> grid_sampler_2d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> grid_sampler_3d;
}  // namespace plait::op

namespace plait {
inline Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { return op::grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners); }
inline Tensor grid_sampler_(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { return op::grid_sampler.inplace(input, grid, interpolation_mode, padding_mode, align_corners); }
inline std::tuple<Tensor, Tensor> _grid_sampler_backward(const Tensor& grad, const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners, bool need_input, bool need_grid) { return op::_grid_sampler_backward(grad, input, grid, interpolation_mode, padding_mode, align_corners, need_input, need_grid); }
inline Tensor grid_sampler_2d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { return op::grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners); }
inline Tensor grid_sampler_2d_(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { return op::grid_sampler_2d.inplace(input, grid, interpolation_mode, padding_mode, align_corners); }
inline Tensor grid_sampler_3d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { return op::grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners); }
inline Tensor grid_sampler_3d_(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { return op::grid_sampler_3d.inplace(input, grid, interpolation_mode, padding_mode, align_corners); }
}  // namespace plait
// clang-format on
