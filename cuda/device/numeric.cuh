// Element types in device code: what they are computed in, conversion by the hardware's instructions, vectors
// of 16 bytes.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "core/dtype.h"
#include "cuda/device/complex.cuh"

namespace plait::cuda {

// How kernels see an element type: complex numbers as Complex<T>, which device code can compute with.
template <class T>
struct DeviceType {
  using type = T;
};
template <class T>
struct DeviceType<std::complex<T>> {
  using type = Complex<T>;
};
template <class T>
using device_t = typename DeviceType<T>::type;

// float for the 16-bit floats, the type itself for the rest.
template <class T>
using opmath_t = compute_t<T>;

// A type of that size, for kernels that only move bits: one instance serves all dtypes of a size.
struct alignas(16) Bits128 {
  uint64_t words[2];
};
template <size_t Bytes>
using bits_t = std::conditional_t<
    Bytes == 1, uint8_t,
    std::conditional_t<
        Bytes == 2, uint16_t,
        std::conditional_t<Bytes == 4, uint32_t, std::conditional_t<Bytes == 8, uint64_t, Bits128>>>>;

// ---- 16-bit floats

__device__ __forceinline__ float widen(Half h) {
#ifdef __CUDA_ARCH__
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h.bits));
  return f;
#else
  return static_cast<float>(h);
#endif
}
__device__ __forceinline__ float widen(Float8E4M3FN x) { return static_cast<float>(x); }
__device__ __forceinline__ float widen(Float8E5M2 x) { return static_cast<float>(x); }
__device__ __forceinline__ float widen(BFloat16 b) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(static_cast<uint32_t>(b.bits) << 16);
#else
  return static_cast<float>(b);
#endif
}
template <class T>
__device__ __forceinline__ T narrow(float f) {
#ifdef __CUDA_ARCH__
  if constexpr (is_float8_type<T>) {
    return static_cast<T>(f);  // the instruction, which Ampere has not, does not know overflow
  } else {
    T t;
    if constexpr (std::is_same_v<T, Half>)
      asm("cvt.rn.f16.f32 %0, %1;" : "=h"(t.bits) : "f"(f));
    else
      asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(t.bits) : "f"(f));
    return t;
  }
#else
  return static_cast<T>(f);
#endif
}

template <class T>
inline constexpr bool is_16bit_float = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// An element as its opmath type, and back, rounded once.
template <class T>
__device__ __forceinline__ opmath_t<T> to_op(T x) {
  if constexpr (is_16bit_float<T>)
    return widen(x);
  else
    return x;
}
template <class T>
__device__ __forceinline__ T from_op(opmath_t<T> x) {
  if constexpr (is_16bit_float<T>)
    return narrow<T>(x);
  else
    return x;
}

// Any element type to any other: as C++ converts numbers, the real part of a complex one, "not zero" as bool.
template <class To, class From>
__device__ __forceinline__ To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (is_16bit_float<From> || is_float8_type<From>) {
    return convert<To>(widen(x));
  } else if constexpr (is_16bit_float<To> || is_float8_type<To>) {
    if constexpr (is_complex_type<From>)
      return narrow<To>(static_cast<float>(x.re));
    else
      return narrow<To>(static_cast<float>(x));
  } else if constexpr (is_complex_type<From>) {
    if constexpr (is_complex_type<To>)
      return To(static_cast<real_of<To>>(x.re), static_cast<real_of<To>>(x.im));
    else if constexpr (std::is_same_v<To, bool>)
      return x.re != 0 || x.im != 0;
    else
      return convert<To>(x.re);
  } else if constexpr (is_complex_type<To>) {
    return To(static_cast<real_of<To>>(x), real_of<To>(0));
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To> && sizeof(To) < 8) {
    // Through int64, as the CPU's conversion goes: negative floats wrap in unsigned types.
    return static_cast<To>(static_cast<int64_t>(x));
  } else {
    return static_cast<To>(x);
  }
}

// ---- vectors

// N elements that are read and written as one.
template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  T at[N];
};
// As many as 16 bytes hold.
template <class T>
inline constexpr int kVectorWidth = sizeof(T) >= 16 ? 1 : 16 / static_cast<int>(sizeof(T));

// Data that is read once should not push out what is used again.
template <class V>
__device__ __forceinline__ V load_streaming(const V* p) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(V) == 16) {
    const uint4 bits = __ldcs(reinterpret_cast<const uint4*>(p));
    return *reinterpret_cast<const V*>(&bits);
  } else if constexpr (sizeof(V) == 8) {
    const uint2 bits = __ldcs(reinterpret_cast<const uint2*>(p));
    return *reinterpret_cast<const V*>(&bits);
  }
#endif
  return *p;
}
template <class V>
__device__ __forceinline__ void store_streaming(V* p, const V& v) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(V) == 16) {
    __stcs(reinterpret_cast<uint4*>(p), *reinterpret_cast<const uint4*>(&v));
    return;
  } else if constexpr (sizeof(V) == 8) {
    __stcs(reinterpret_cast<uint2*>(p), *reinterpret_cast<const uint2*>(&v));
    return;
  }
#endif
  *p = v;
}

// ---- division by a number that is known at launch

// n / d and n % d for n < 2^31 by a multiplication (Granlund and Montgomery, 1994).
struct FastDivisor {
  uint32_t divisor = 1, magic = 0, shift = 0;

  FastDivisor() = default;
  // 0 counts as 1: it is what 32 bits leave of a size of 2^32, of plans of one dimension, which divide by
  // nothing.
  constexpr explicit FastDivisor(uint32_t d) : divisor(d ? d : 1) {
    d = divisor;
    while (shift < 32 && (uint64_t{1} << shift) < d) ++shift;
    magic = static_cast<uint32_t>(((uint64_t{1} << 32) * ((uint64_t{1} << shift) - d)) / d + 1);
  }
  __device__ __forceinline__ uint32_t divide(uint32_t n) const { return (__umulhi(n, magic) + n) >> shift; }
  __device__ __forceinline__ uint32_t divide(uint32_t n, uint32_t& remainder) const {
    const uint32_t quotient = divide(n);
    remainder = n - quotient * divisor;
    return quotient;
  }
};
static_assert(FastDivisor(0).divisor == 1 && FastDivisor(0).magic == FastDivisor(1).magic);

}  // namespace plait::cuda
