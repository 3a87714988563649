// Sums over two tensors in one pass.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

struct LossTable {
  // The sum of (a - b)^2 over n contiguous elements.
  double (*squared_distance_f32)(const float* a, const float* b, int64_t n);
  double (*squared_distance_f64)(const double* a, const double* b, int64_t n);
};
PLAIT_ISA_TABLE(LossTable, loss_table)

}  // namespace plait::cpu
