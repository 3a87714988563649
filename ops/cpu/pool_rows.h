// Pooling of contiguous planes by vectors: on the buffers of Note [Depthwise convolution], or, where windows
// lie side by side and cover the plane, on its rows themselves.
#pragma once

#include "ops/cpu/depthwise.h"

namespace plait::cpu {

template <class T>
struct PoolPlanes {
  // The maxima of the windows of a plane (no z axis), and where in the plane they stand: the first one, or
  // the last NaN. The workspace is filled with minus infinity before the first use. Planes of less than 2^31
  // elements.
  void (*max)(const Depthwise& d, const T* from, T* values, int64_t* indices, T* workspace);
  // The maxima alone.
  void (*max_values)(const Depthwise& d, const T* from, T* values, T* workspace);
  // x[r][i] /= by_row[r] by_column[i]
  void (*divide)(T* x, int64_t rows, int64_t columns, const T* by_row, const T* by_column);
  // `rows` rows of averages of windows side by side, height rows of `columns` elements each: those of many
  // planes, one after the other.
  void (*average)(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width, T divisor,
                  T* to);
  // Such rows of maxima.
  void (*largest)(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width, T* to);
  // The gradient: each element of `from`, divided, to all places of its window.
  void (*spread)(const T* from, int64_t rows, int64_t columns, int64_t height, int64_t width, T divisor,
                 T* to);
};
// Windows that `average`, `largest` and `spread` take.
inline constexpr int64_t kWidestWindow = 4;
inline constexpr int64_t kLongestRow = 2048;
struct PoolTable {
  PoolPlanes<float> f32;
  PoolPlanes<double> f64;
};
PLAIT_ISA_TABLE(PoolTable, pool_table)

}  // namespace plait::cpu
