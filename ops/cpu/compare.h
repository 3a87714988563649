// Comparisons, tests of values and logical functions: results are bool.
#pragma once

#include "ops/cpu/pointwise.h"
#include "ops/functions.h"

namespace plait::cpu {

PLAIT_ISA_TABLE(LoopTable<Compare>, compare_table)
PLAIT_ISA_TABLE(LoopTable<Test>, test_table)

// The dtype in which two tensors are compared: the promoted one, or int64 where a number does not fit into
// it.
PLAIT_API DType compare_dtype(const Tensor& a, const Tensor& b);
inline void compare(const char* op, Compare f, const Tensor& out, const Tensor& a, const Tensor& b) {
  const DType compute = compare_dtype(a, b);
  pointwise(op, compare_table().at(f, compute), out, a, b, compute);
}
void test(const char* op, Test f, const Tensor& out, const Tensor& a);

}  // namespace plait::cpu
