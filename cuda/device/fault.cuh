// Reports of kernels that met what they cannot compute with. Note [Faults] in runtime/fault.cpp.
//   if (i < -n || i >= n) return report_index(fault, op, i, n, dim);     fault: fault_slot(), op: the op's
//   name
#pragma once

#include <cuda_runtime.h>

#include "cuda/runtime/fault.h"

namespace plait::cuda {

// Out of line: reports are rare, and the registers of the hot path are not for them.
static __device__ __noinline__ void report_fault(Fault* fault, FaultKind kind, OpName op, int64_t value,
                                                 int64_t bound, int64_t dim) {
  if (atomicCAS(&fault->kind, 0, static_cast<int32_t>(kind)) != 0) return;  // somebody was first
  fault->value = value;
  fault->bound = bound;
  fault->op.hidden = op.hidden;
  fault->dim = dim;
  __threadfence_system();
  *static_cast<volatile int32_t*>(&fault->ready) = 1;
}

// Valid: -bound <= value < bound.
static __device__ __forceinline__ void report_index(Fault* fault, OpName op, int64_t value, int64_t bound,
                                                    int64_t dim) {
  report_fault(fault, FaultKind::Index, op, value, bound, dim);
}
// Valid: 0 <= value < bound.
static __device__ __forceinline__ void report_positive_index(Fault* fault, OpName op, int64_t value,
                                                             int64_t bound, int64_t dim) {
  report_fault(fault, FaultKind::PositiveIndex, op, value, bound, dim);
}
static __device__ __forceinline__ void report_target(Fault* fault, OpName op, int64_t value, int64_t classes,
                                                     int64_t position) {
  report_fault(fault, FaultKind::Target, op, value, classes, position);
}
static __device__ __forceinline__ void report_probability(Fault* fault, OpName op, double value) {
  int64_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  report_fault(fault, FaultKind::Probability, op, bits, 0, -1);
}
static __device__ __forceinline__ void report_zero_division(Fault* fault, OpName op) {
  report_fault(fault, FaultKind::ZeroDivision, op, 0, 0, -1);
}

}  // namespace plait::cuda
