// Small functions that several families compute with.
#pragma once

#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

template <class T>
__host__ __device__ constexpr T infinity() {
  if constexpr (std::is_same_v<T, double>)
    return __builtin_huge_val();
  else
    return __builtin_huge_valf();
}
template <class T>
__host__ __device__ constexpr T not_a_number() {
  return static_cast<T>(__builtin_nanf(""));
}

// exp of values that came from elements of T. For the 16-bit floats two instructions, by the hardware's exp2:
// its relative error of 2^-22 and that of the product in the exponent stay far below theirs.
template <class T>
__device__ __forceinline__ opmath_t<T> exp_of(opmath_t<T> x) {
  if constexpr (std::is_same_v<T, double>)
    return exp(x);
  else if constexpr (is_16bit_float<T>)
    return math::exp2_approximate(x * 1.44269504088896340736f);
  else
    return expf(x);
}

// exp(x - middle), or 0 for x = -inf
template <class T>
__device__ __forceinline__ opmath_t<T> exp_about(opmath_t<T> x, opmath_t<T> middle) {
  if constexpr (is_16bit_float<T>) {  // what rounding the product loses is common to all x
    constexpr float log2e = 1.44269504088896340736f;
    return math::exp2_approximate(math::fma(x, log2e, -log2e * middle));
  } else {
    return exp_of<T>(x - middle);
  }
}

// The larger one; NaN is passed over.
__device__ __forceinline__ float larger(float a, float b) { return ::fmaxf(a, b); }
__device__ __forceinline__ double larger(double a, double b) { return b > a ? b : a; }

__device__ __forceinline__ float log_of(float x) { return logf(x); }
__device__ __forceinline__ double log_of(double x) { return log(x); }
__device__ __forceinline__ float rsqrt_of(float x) { return 1.0f / sqrtf(x); }
__device__ __forceinline__ double rsqrt_of(double x) { return 1.0 / sqrt(x); }

}  // namespace plait::cuda
