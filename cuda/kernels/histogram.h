// Counting: histc and bincount.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// counts[b] += how many of n floats lie in interval b of `bins` equal ones from low to high, which belongs to
// the last. Others do not count, nor does NaN. Integers: the order does not matter.
void count_intervals(DType dtype, const void* x, int64_t n, double low, double high, int64_t bins,
                     int64_t* counts);

// counts[x[i]] += 1, for 0 <= x[i] < length.
void count_values(const int64_t* x, int64_t n, int64_t length, int64_t* counts);
// sums[x[i]] += weights[i]. In the order in which threads come: the last digits may change from run to run.
void sum_weights(const int64_t* x, const double* weights, int64_t n, double* sums);

}  // namespace plait::cuda
