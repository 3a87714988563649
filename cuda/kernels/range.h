// Tensors whose elements follow from their position, contiguous, of any dtype.
#pragma once

#include "core/dtype.h"

namespace plait::cuda {

// out[i] = start + i * step: wrapping integers, or computed in double.
void arange(void* out, int64_t n, DType dtype, int64_t start, int64_t step);
void arange(void* out, int64_t n, DType dtype, double start, double step);
// n numbers at equal distances; with a base, its powers of them. Counted from the nearer end, so that both
// are exact.
void spaced(void* out, int64_t n, DType dtype, double start, double end, const double* base);
void spaced(void* out, int64_t n, DType dtype, complex128 start, complex128 end, const double* base);
void eye(void* out, int64_t rows, int64_t columns, DType dtype);
// Row and column of each element of the lower triangle up to diagonal `offset`, or of the upper one from it
// on: two rows of `count`, int64 or int32.
void triangle_indices(void* out, int64_t count, DType dtype, bool lower, int64_t rows, int64_t columns,
                      int64_t offset);

}  // namespace plait::cuda
