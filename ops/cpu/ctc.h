// The inner loops of ctc_loss, over the positions of a path in log space.
//
// kCtcLow stands for the logarithm of zero: it is finite, so that differences are numbers.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

constexpr float kCtcLow = -1e30F;

template <class T>
struct CtcLoops {
  // to[s] = log(exp(from[s]) + exp(from[s - 1]) + exp(from[s - 2] + barred[s])) + emitted[s], for n
  // positions. from[-2] and from[-1] are kCtcLow.
  void (*step)(const T* from, const T* barred, const T* emitted, int64_t n, T* to);
  // to[s] = exp(before[s] + after[n - 1 - s] - emitted[s] - total).
  void (*share)(const T* before, const T* after, const T* emitted, T total, int64_t n, T* to);
};
struct CtcTable {
  CtcLoops<float> in_float;
  CtcLoops<double> in_double;
};
PLAIT_ISA_TABLE(CtcTable, ctc_table)

}  // namespace plait::cpu
