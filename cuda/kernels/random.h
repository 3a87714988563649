// Random numbers: element i's follow from (seed, offset, i) alone (plait/philox.h), i counted in the logical
// order, with the CPU's bits and formulas (ops/cpu/random_math.h).
#pragma once

#include "core/dtype.h"
#include "cuda/runtime/fault.h"
#include "cuda/runtime/random_state.h"

namespace plait::cuda {

enum class Distribution { Uniform, Normal, Exponential };

// n contiguous elements = shift + scale * number. Real floating dtypes; complex ones are twice as many real
// ones.
void random_fill(Distribution distribution, const RandomState& state, void* out, int64_t n, DType dtype,
                 double shift, double scale);
// Integers in [low, low + range), range 0 meaning 2^64, as elements of any dtype.
void random_integers(const RandomState& state, void* out, int64_t n, DType dtype, int64_t low,
                     uint64_t range);

// 1 where the uniform number is below the probability, else 0, as elements of any dtype. Probabilities: one
// number, or as many of float32 or float64; those that are none are faults.
void bernoulli(const RandomState& state, void* out, int64_t n, DType dtype, double p);
void bernoulli(const RandomState& state, void* out, int64_t n, DType dtype, const void* p, DType p_dtype,
               const char* op, Fault* fault);

// out = x / (1 - p) where the element's uniform number is at least p, else 0. Floating dtypes, contiguous.
void dropout(const RandomState& state, const void* x, void* out, int64_t n, DType dtype, double p);

// Weights of (rows, n) from which `draws` of a row are to be drawn: bad ones are faults. Without replacement,
// `key[i] = number[i] / weight[i]`, infinite where the weight is zero, in place of the exponential numbers.
void multinomial_keys(const double* weights, double* numbers, int64_t rows, int64_t n, int64_t draws,
                      Fault* fault);
// With replacement: `sums` is of the weights along rows, `numbers` (rows, draws) uniform; out (rows, draws).
void multinomial_search(const double* weights, const double* sums, const double* numbers, int64_t rows,
                        int64_t n, int64_t draws, int64_t* out, Fault* fault);

}  // namespace plait::cuda
