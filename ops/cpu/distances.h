// Distances of pairs.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

template <class T>
struct DistanceLoops {
  // to[j] = the Euclidean distance of columns `own` and first + j of a matrix (k, n), for j < count.
  void (*euclidean)(const T* columns, int64_t k, int64_t n, int64_t own, int64_t first, int64_t count, T* to);
};
struct DistanceTable {
  DistanceLoops<float> in_float;
  DistanceLoops<double> in_double;
};
PLAIT_ISA_TABLE(DistanceTable, distance_table)

}  // namespace plait::cpu
