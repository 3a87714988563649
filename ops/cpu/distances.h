// Distances of all pairs of rows, and their derivatives, by the differences of elements. One of the operands
// is a transposed matrix (k, n), so that vectors hold elements of neighbouring pairs.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

// The sum of magnitudes, the root of the sum of squares, the largest magnitude.
enum class Metric : uint8_t { One, Two, Max, Count };

// `count` points of k elements: element m of point i is at[i * row + m * step].
template <class T>
struct Points {
  const T* at;
  int64_t count, row, step;
};

template <class T>
struct DistanceLoops {
  // to[i * to_row + j] = the distance of point i to column j of a matrix (k, stride), for j < n.
  void (*distances)(const Points<T>& points, const T* columns, int64_t k, int64_t stride, int64_t n, T* to,
                    int64_t to_row);
  // to[i * k + m] = the sum over j of g[i * n + j] times the derivative of the distance d[i * n + j] of point
  // i to column j by element m of the point.
  void (*gradient)(const Points<T>& points, const T* columns, int64_t k, int64_t n, const T* d, const T* g,
                   T* to);
};
struct DistanceTable {
  DistanceLoops<float> in_float[static_cast<int>(Metric::Count)];
  DistanceLoops<double> in_double[static_cast<int>(Metric::Count)];
};
PLAIT_ISA_TABLE(DistanceTable, distance_table)

}  // namespace plait::cpu
