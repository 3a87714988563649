// What the files of grid sampling share.
#pragma once

#include "autograd/layer.h"
#include "ops/cpu/grid_sample.h"

namespace plait::op {

// An image as the arguments of grid_sampler describe it, whose meta rule has checked them.
cpu::GridImage grid_image(const Dims& input, const Dims& grid, int64_t mode, int64_t padding,
                          bool align_corners);

// The derivatives of grid_sampler in ops, so that they can be differentiated again.
void grid_sample_vjp_in_ops(Vjp& v);

}  // namespace plait::op
