// Running sums, products, log-sum-exps, extremes and recurrences of contiguous tensors seen as (outer, n,
// inner), along n. All tensors of a call have one dtype, indices aside.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

struct ScanPlan {
  DType dtype;
  int64_t outer, n, inner;
};
enum class ScanOp : uint8_t { Sum, Prod, LogSumExp };

// Sums and products of int64, floats and complex numbers; log-sum-exps of floats. Those of floats run in
// double.
void scan(ScanOp op, const ScanPlan& plan, const void* x, void* y);
// The largest or smallest so far and where it is, the last of equals; NaN, once met, stays. Int32, int64,
// floats.
void scan_extreme(bool largest, const ScanPlan& plan, const void* x, void* values, int64_t* indices);
// y_i = b_i + a_i y_(i-1); or, in reverse, y_i = b_i + a_(i+1) y_(i+1). Floats and complex numbers.
void scan_linear(const ScanPlan& plan, const void* a, const void* b, void* y, bool reverse);

}  // namespace plait::cuda
