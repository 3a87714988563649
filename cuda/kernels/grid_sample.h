// Sampling images at places of a grid, and its gradients.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

enum class GridMode : uint8_t { Linear, Nearest, Cubic };
enum class GridPadding : uint8_t { Zeros, Border, Reflection };

// Axes are counted as the grid counts them: x, y, z. Strides are in elements.
struct GridSamplePlan {
  DType dtype;  // a float, of all tensors but the input's gradient
  GridMode mode;
  GridPadding padding;
  bool align_corners;
  int rank;  // 2 or 3
  int64_t batch, channels, places;
  int64_t sizes[3] = {1, 1, 1};
  int64_t input[5];  // strides of the image: batch, channel, x, y, z
  // What is written or read beside it, contiguous: y and dy (N, C, places), the grid and its gradient
  // (N, places, rank).
};

void grid_sample(const GridSamplePlan& plan, const void* x, const void* grid, void* y);
// dx += ..., in float32 for the 16-bit floats, with the strides `plan.input`; sums in any order.
void grid_sample_input(const GridSamplePlan& plan, const void* dy, const void* grid, void* dx);
// dgrid = ...
void grid_sample_grid(const GridSamplePlan& plan, const void* dy, const void* x, const void* grid,
                      void* dgrid);

// The same as grid_sample_input in a fixed order, in three steps: for each corner of each place (corner
// outermost, then image, then place) its pixel among those of all images, or how many these are where it lies
// outside, with its weight; these sorted; and the sums of equal ones.
int corners_of(const GridSamplePlan& plan);
void grid_sample_keys(const GridSamplePlan& plan, const void* grid, uint64_t* keys, uint32_t* order,
                      void* weights);
void grid_sample_sums(const GridSamplePlan& plan, const uint64_t* keys, const uint32_t* order, int64_t n,
                      const void* weights, const void* dy, void* dx);

}  // namespace plait::cuda
