// Resampling of the last one to three dimensions of contiguous tensors.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

// What each output position of one dimension reads: `taps` positions of the input, and their weights.
template <class T>
struct ResampleAxis {
  int64_t in = 1, out = 1;
  int taps = 1;
  const int64_t* index = nullptr;  // (out, taps)
  const T* weight = nullptr;       // (out, taps)
};

template <class T>
struct ResampleKernels {
  // One plane (depth, height, width). `row` has room for an input row.
  void (*forward)(const T* x, const ResampleAxis<T>* axes, T* row, T* y);
  // dx += the adjoint of forward applied to dy.
  void (*backward)(const T* dy, const ResampleAxis<T>* axes, T* row, T* dx);
};
struct ResampleTable {
  ResampleKernels<float> f32;
  ResampleKernels<double> f64;
};
PLAIT_ISA_TABLE(ResampleTable, resample_table)

}  // namespace plait::cpu
