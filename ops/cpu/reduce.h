// Reductions on the CPU: any strided input, any set of dimensions.
//
// The input's dimensions fall into kept ones and reduced ones. Whichever kind has the smallest stride decides
// how memory is walked: by rows (the innermost dimension is reduced: vectors of one output) or by columns (it
// is kept: one vector holds many outputs). Elements are first combined in lanes, as wide as the machine's
// vectors, a block at a time; blocks are merged in wider accumulators (double for float sums), so that
// rounding errors do not grow with the length. How the work is divided depends on shapes alone, never on the
// number of threads: neither do the bits of the result.
#pragma once

#include <span>

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// A set of dimensions, one bit each.
using DimMask = uint32_t;

// What the finishing step does to an accumulator besides rounding it.
struct ReduceParams {
  double divisor = 1;     // mean; degrees of freedom of a variance
  bool root = false;      // standard deviation, Euclidean norm
  bool location = false;  // of moments: the mean; of extremes: the index
};

// The kernels of one function and dtype. `acc` is an array of opaque accumulators of acc_size bytes each, one
// per row or column; rows and columns merge into them. `base` is the position
// of the first element along the reduced dimension. All strides are in bytes.
struct Reduction {
  void (*init)(void* acc, int64_t n);
  void (*rows)(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t base,
               void* acc);
  void (*columns)(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t base,
                  void* acc);
  void (*merge)(void* acc, const void* other, int64_t n);
  void (*finish)(const void* acc, int64_t n, char* out, int64_t out_stride, const ReduceParams& params);
  int32_t acc_size;
  int32_t max_columns;      // that `columns` takes at once
  bool positional = false;  // looks at `base`; a single dimension is reduced
  int32_t result_size = 0;  // bytes that `finish` writes for each result; 0 where that depends on params
  // Rows of up to this many elements are reduced faster as columns, an element of many rows in each vector.
  int32_t few_elements = 0;
};

template <class E>
struct ReduceTable {
  Reduction reductions[static_cast<int>(E::Count)][kDTypeCount];

  const Reduction& at(E function, DType dtype) const {
    return reductions[static_cast<int>(function)][static_cast<int>(dtype)];
  }
};

// Results: Sum, Prod, NanSum have the dtype itself, int64 for integers and bool. NonZero: int64. Sum and Prod
// have complex numbers, too.
enum class Sums : uint8_t { Sum, Prod, NanSum, NonZero, Count };
// Max, Min: the dtype itself, NaN if there is one. Any, All: bool.
enum class Extremes : uint8_t { Max, Min, Any, All, Count };
// Of magnitudes, floats only: sum, sum of squares, largest, smallest.
enum class Norms : uint8_t { One, Two, Max, Min, Count };
// Count, mean and sum of squared deviations, floats only.
enum class Moments : uint8_t { Two, Count };
// The largest or smallest element of one dimension, its own dtype, and the index (int64) of the first such; a
// NaN wins.
enum class Positions : uint8_t { Max, Min, Count };
PLAIT_ISA_TABLE(ReduceTable<Sums>, sums_table)
PLAIT_ISA_TABLE(ReduceTable<Extremes>, extremes_table)
PLAIT_ISA_TABLE(ReduceTable<Norms>, norms_table)
PLAIT_ISA_TABLE(ReduceTable<Moments>, moments_table)
PLAIT_ISA_TABLE(ReduceTable<Positions>, positions_table)

struct ReduceTarget {
  const Tensor& out;  // contiguous
  ReduceParams params = {};
};
// Reduces the dimensions in `mask`. With several targets each is finished from the same accumulators.
void reduce(const Reduction& f, const Tensor& self, DimMask mask, std::span<const ReduceTarget> targets);
inline void reduce(const Reduction& f, const Tensor& self, DimMask mask, const Tensor& out,
                   const ReduceParams& params = {}) {
  const ReduceTarget target{out, params};
  reduce(f, self, mask, std::span<const ReduceTarget>(&target, 1));
}

}  // namespace plait::cpu
