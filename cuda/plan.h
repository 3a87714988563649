// What an elementwise kernel is told, without tensors: made from the core's iterator in ops/elementwise.h,
// run by device/elementwise.cuh.
#pragma once

#include <cstdint>

namespace plait::cuda {

// A number of any category, in full precision; a kernel reads the part that it computes in.
struct Number {
  double real = 0, imag = 0;
  int64_t integer = 0;
};

struct ElementwisePlan {
  static constexpr int kMaxDims = 12;     // after merging; more are walked by the host (ops/elementwise.cpp)
  static constexpr int kMaxOperands = 6;  // outputs first

  int operands = 0;
  int ndim = 1;
  int64_t numel = 0;
  int64_t sizes[kMaxDims];                  // innermost first
  int64_t strides[kMaxDims][kMaxOperands];  // in bytes; 0: broadcast
  char* data[kMaxOperands];                 // null: a number
  bool opmath[kMaxOperands] = {};           // one element, of the opmath type: a number that the device has
  Number numbers[kMaxOperands];
};

}  // namespace plait::cuda
