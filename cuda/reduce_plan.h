// What a reduction kernel is told, without tensors: made in ops/reduce_plan.h, run by
// device/reduce_kernel.cuh.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// What the finishing step does besides rounding.
struct ReduceParams {
  double divisor = 1;  // mean; degrees of freedom of a variance
  bool root = false;   // standard deviation, Euclidean norm
  // Of moments: 1 / sqrt(variance + eps) in place of the variance; results in the dtype that is computed in.
  bool reciprocal = false, wide = false;
  double eps = 0;
};

struct ReducePlan {
  static constexpr int kMaxDims = 6;  // of each kind, after merging; ops/ copies what has more
  // Several reduced dimensions have fewer elements; ops/ copies what has more.
  static constexpr int64_t kMostIndexed = int64_t{1} << 31;

  struct Dims {
    int count = 1;
    int64_t numel = 1;
    int64_t sizes[kMaxDims] = {1};    // innermost first
    int64_t strides[kMaxDims] = {0};  // of the input, in bytes
    int64_t out[kMaxDims] = {0};      // of the results, in elements; kept dimensions only
  };

  const char* in = nullptr;
  const char* other = nullptr;  // a second input that lies like the first
  Dims kept, reduced;
  // Contiguous results in the order of the kept dimensions as they were; null where not wanted. What each is
  // depends on the function (kernels/reduce.h).
  char* out[2] = {nullptr, nullptr};
  DType out_dtype = DType::Float32;  // of the first
  ReduceParams params;
};

}  // namespace plait::cuda
