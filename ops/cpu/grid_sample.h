// Sampling images at places that a grid names: bilinear, nearest and cubic, with its two derivatives.
//
// A value is a weighted sum over the pixels around its place ("corners"): the product of what lies along each
// axis. Corners and weights are found for a block of places at a time and serve all channels. Images come in
// one of two layouts: "rows", the channels of a pixel side by side, at a distance of `pitch` (whole vectors
// of 16 bytes where the image was copied for this), and "planes", the pixels of a channel side by side.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

enum class GridMode : uint8_t { Linear, Nearest, Cubic };
enum class GridPadding : uint8_t { Zeros, Border, Reflection };

// What all places of one image share. It has fewer than 2^31 pixels.
struct GridImage {
  GridMode mode;
  GridPadding padding;
  bool align_corners;
  int rank;          // 2 or 3
  int64_t sizes[3];  // along x, y and z, as the grid counts them
  int64_t channels;
  int64_t places;
  int64_t pixels() const { return sizes[0] * sizes[1] * (rank == 3 ? sizes[2] : 1); }
};

// Grids, and their gradients, are (places, rank). y and dy are planes.
template <class T>
struct GridSampleKernels {
  // `count` pixels: planes as rows, whose pitch is filled with zeros; and back.
  void (*to_rows)(const GridImage& image, const T* planes, int64_t count, T* rows, int64_t pitch);
  void (*to_planes)(const GridImage& image, const T* rows, int64_t pitch, int64_t count, T* planes);
  // The places [begin, end) of all channels.
  void (*rows)(const GridImage& image, const T* x, int64_t pitch, const T* grid, int64_t begin, int64_t end,
               T* y);
  void (*planes)(const GridImage& image, const T* x, const T* grid, int64_t begin, int64_t end, T* y);
  // dx += ..., of the channels [begin, end): places in their order, so that no sum depends on the threads.
  void (*input_rows)(const GridImage& image, const T* dy, const T* grid, int64_t begin, int64_t end, T* dx,
                     int64_t pitch);
  void (*input_planes)(const GridImage& image, const T* dy, const T* grid, int64_t begin, int64_t end, T* dx);
  // dgrid = ..., of the places [begin, end).
  void (*grid_rows)(const GridImage& image, const T* dy, const T* x, int64_t pitch, const T* grid,
                    int64_t begin, int64_t end, T* dgrid);
  void (*grid_planes)(const GridImage& image, const T* dy, const T* x, const T* grid, int64_t begin,
                      int64_t end, T* dgrid);
};
struct GridSampleTable {
  GridSampleKernels<float> f32;
  GridSampleKernels<double> f64;
};
PLAIT_ISA_TABLE(GridSampleTable, grid_sample_table)

}  // namespace plait::cpu
