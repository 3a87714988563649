// The mathematical functions of CUDA's library under one name for float and double, for templates. Most of
// their errors are at most 2 units in the last place, those of pow, erfc, normcdf and lgamma a few more (CUDA
// C++ Programming Guide, "Mathematical functions").
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>

namespace plait::cuda::math {

#define PLAIT_CUDA_MATH(name)                                             \
  __device__ __forceinline__ float name(float x) { return ::name##f(x); } \
  __device__ __forceinline__ double name(double x) { return ::name(x); }
PLAIT_CUDA_MATH(exp)
PLAIT_CUDA_MATH(exp2)
PLAIT_CUDA_MATH(expm1)
PLAIT_CUDA_MATH(log)
PLAIT_CUDA_MATH(log2)
PLAIT_CUDA_MATH(log10)
PLAIT_CUDA_MATH(log1p)
PLAIT_CUDA_MATH(sqrt)
PLAIT_CUDA_MATH(rsqrt)
PLAIT_CUDA_MATH(floor)
PLAIT_CUDA_MATH(ceil)
PLAIT_CUDA_MATH(trunc)
PLAIT_CUDA_MATH(rint)
PLAIT_CUDA_MATH(sin)
PLAIT_CUDA_MATH(cos)
PLAIT_CUDA_MATH(tan)
PLAIT_CUDA_MATH(asin)
PLAIT_CUDA_MATH(acos)
PLAIT_CUDA_MATH(atan)
PLAIT_CUDA_MATH(sinh)
PLAIT_CUDA_MATH(cosh)
PLAIT_CUDA_MATH(tanh)
PLAIT_CUDA_MATH(asinh)
PLAIT_CUDA_MATH(acosh)
PLAIT_CUDA_MATH(atanh)
PLAIT_CUDA_MATH(erf)
PLAIT_CUDA_MATH(erfc)
PLAIT_CUDA_MATH(erfinv)
PLAIT_CUDA_MATH(normcdf)
PLAIT_CUDA_MATH(lgamma)
PLAIT_CUDA_MATH(fabs)
#undef PLAIT_CUDA_MATH

#define PLAIT_CUDA_MATH(name)                                                         \
  __device__ __forceinline__ float name(float a, float b) { return ::name##f(a, b); } \
  __device__ __forceinline__ double name(double a, double b) { return ::name(a, b); }
PLAIT_CUDA_MATH(pow)
PLAIT_CUDA_MATH(atan2)
PLAIT_CUDA_MATH(hypot)
PLAIT_CUDA_MATH(fmod)
PLAIT_CUDA_MATH(copysign)
#undef PLAIT_CUDA_MATH

__device__ __forceinline__ float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
__device__ __forceinline__ double fma(double a, double b, double c) { return ::fma(a, b, c); }

// a / b to 2 units in the last place, for 2^-126 <= |b| <= 2^126.
__device__ __forceinline__ float quotient(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fdividef(a, b);
#else
  return a / b;
#endif
}
__device__ __forceinline__ double quotient(double a, double b) { return a / b; }

// For results of 16 bits: one instruction each, to 2^-22 relative; what is subnormal counts as 0.
#ifndef __CUDA_ARCH__
__host__ __device__ inline float without_subnormals(float x) { return ::fabsf(x) < 0x1p-126f ? 0.0f * x : x; }
#endif
__device__ __forceinline__ float exp2_approximate(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return without_subnormals(::exp2f(without_subnormals(x)));
#endif
}
__device__ __forceinline__ float reciprocal_approximate(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return without_subnormals(1.0f / without_subnormals(x));
#endif
}

// log2(x), to 2^-22 of the result or absolutely, whichever is more.
__device__ __forceinline__ float log2_approximate(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("lg2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return ::log2f(x);
#endif
}
__device__ __forceinline__ float log2_of_normal(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return ::log2f(without_subnormals(x));
#endif
}

template <class T>
__device__ __forceinline__ constexpr T infinity() {
  return std::numeric_limits<T>::infinity();
}

// Limits that let NaN through.
template <class T>
__device__ __forceinline__ T at_least(T x, T low) {
  return x < low ? low : x;
}
template <class T>
__device__ __forceinline__ T at_most(T x, T high) {
  return high < x ? high : x;
}
template <class T>
__device__ __forceinline__ T clamp(T x, T low, T high) {
  return at_most(at_least(x, low), high);
}

// The same in one instruction; of two zeros they take the lower and the higher one.
__device__ __forceinline__ float at_most_or_nan(float x, float high) {
#ifdef __CUDA_ARCH__
  float y;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(x), "f"(high));
  return y;
#else
  return at_most(x, high);
#endif
}
__device__ __forceinline__ float at_least_or_nan(float x, float low) {
#ifdef __CUDA_ARCH__
  float y;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(x), "f"(low));
  return y;
#else
  return at_least(x, low);
#endif
}
__device__ __forceinline__ double at_most_or_nan(double x, double high) { return at_most(x, high); }
__device__ __forceinline__ double at_least_or_nan(double x, double low) { return at_least(x, low); }

__device__ __forceinline__ bool signbit(float x) { return __float_as_int(x) < 0; }
__device__ __forceinline__ bool signbit(double x) { return __double_as_longlong(x) < 0; }

}  // namespace plait::cuda::math
