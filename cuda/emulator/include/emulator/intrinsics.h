// Bits, loads and stores with a cache hint, and the fast or explicitly rounded forms of arithmetic.
#pragma once

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "emulator/markers.h"

// Loads and stores: the hints mean nothing here.
#define EMULATOR_LOAD(name)  \
  template <class T>         \
  T name(const T* address) { \
    return *address;         \
  }
#define EMULATOR_STORE(name)       \
  template <class T>               \
  void name(T* address, T value) { \
    *address = value;              \
  }
EMULATOR_LOAD(__ldg)
EMULATOR_LOAD(__ldca)
EMULATOR_LOAD(__ldcg)
EMULATOR_LOAD(__ldcs)
EMULATOR_LOAD(__ldcv)
EMULATOR_LOAD(__ldlu)
EMULATOR_STORE(__stwb)
EMULATOR_STORE(__stcg)
EMULATOR_STORE(__stcs)
EMULATOR_STORE(__stwt)
#undef EMULATOR_LOAD
#undef EMULATOR_STORE

// Bits.
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(unsigned(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}
inline unsigned long long __brevll(unsigned long long x) {
  return static_cast<unsigned long long>(__brev(unsigned(x))) << 32 | __brev(unsigned(x >> 32));
}
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const unsigned long long bytes = static_cast<unsigned long long>(high) << 32 | low;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned choice = selector >> 4 * i & 0xf;
    unsigned byte = unsigned(bytes >> 8 * (choice & 7)) & 0xff;
    if (choice & 8) byte = byte & 0x80 ? 0xff : 0;  // the sign, repeated
    result |= byte << 8 * i;
  }
  return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((static_cast<unsigned long long>(high) << 32 | low) << (shift & 31)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned((static_cast<unsigned long long>(high) << 32 | low) >> (shift & 31));
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return unsigned(static_cast<unsigned long long>(a) * b >> 32);
}
inline int __mulhi(int a, int b) { return int(static_cast<long long>(a) * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}
inline long long __mul64hi(long long a, long long b) {
  __extension__ using Wide = __int128;
  return static_cast<long long>(static_cast<Wide>(a) * b >> 64);
}
inline int __mul24(int a, int b) {
  const auto low = [](int x) { return int(unsigned(x) << 8) >> 8; };
  return int(static_cast<long long>(low(a)) * low(b));
}
inline unsigned __umul24(unsigned a, unsigned b) { return (a & 0xffffffu) * (b & 0xffffffu); }
inline unsigned __sad(int a, int b, unsigned c) {
  return (a > b ? unsigned(a) - unsigned(b) : unsigned(b) - unsigned(a)) + c;
}

// One type's bits as another.
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }
inline int __double2hiint(double x) { return int(std::bit_cast<unsigned long long>(x) >> 32); }
inline int __double2loint(double x) { return int(std::bit_cast<unsigned long long>(x)); }
inline double __hiloint2double(int high, int low) {
  return std::bit_cast<double>(static_cast<unsigned long long>(unsigned(high)) << 32 | unsigned(low));
}

// Fast forms, at full precision here.
inline float __fdividef(float a, float b) { return a / b; }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10.0f, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline void __sincosf(float x, float* sine, float* cosine) {
  *sine = sinf(x);
  *cosine = cosf(x);
}
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }  // NaN gives 0

// Rounded to nearest, never contracted into one operation.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return float(1.0 / sqrt(double(x))); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __drcp_rn(double x) { return 1.0 / x; }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

// Numbers to integers: values outside are clamped and NaN gives 0 (0x80...0 for 64 bits), as in hardware.
namespace emulator {
template <class I, class F>
I to_integer(F x) {
  if (x != x) return sizeof(I) == 8 ? I(I(1) << 63) : I(0);
  const F low = F(I(std::is_signed_v<I> ? I(1) << (8 * sizeof(I) - 1) : 0));
  const F high = std::ldexp(F(1), int(8 * sizeof(I)) - (std::is_signed_v<I> ? 1 : 0));
  if (x <= low) return I(std::is_signed_v<I> ? I(1) << (8 * sizeof(I) - 1) : 0);
  if (x >= high) return I(~I(std::is_signed_v<I> ? I(1) << (8 * sizeof(I) - 1) : 0));
  return I(x);
}
}  // namespace emulator
inline int __float2int_rn(float x) { return emulator::to_integer<int>(rintf(x)); }
inline int __float2int_rz(float x) { return emulator::to_integer<int>(truncf(x)); }
inline int __float2int_rd(float x) { return emulator::to_integer<int>(floorf(x)); }
inline int __float2int_ru(float x) { return emulator::to_integer<int>(ceilf(x)); }
inline unsigned __float2uint_rn(float x) { return emulator::to_integer<unsigned>(rintf(x)); }
inline unsigned __float2uint_rz(float x) { return emulator::to_integer<unsigned>(truncf(x)); }
inline long long __float2ll_rn(float x) { return emulator::to_integer<long long>(rintf(x)); }
inline long long __float2ll_rz(float x) { return emulator::to_integer<long long>(truncf(x)); }
inline unsigned long long __float2ull_rz(float x) {
  return emulator::to_integer<unsigned long long>(truncf(x));
}
inline int __double2int_rn(double x) { return emulator::to_integer<int>(rint(x)); }
inline int __double2int_rz(double x) { return emulator::to_integer<int>(trunc(x)); }
inline long long __double2ll_rn(double x) { return emulator::to_integer<long long>(rint(x)); }
inline long long __double2ll_rz(double x) { return emulator::to_integer<long long>(trunc(x)); }
inline unsigned long long __double2ull_rz(double x) {
  return emulator::to_integer<unsigned long long>(trunc(x));
}
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }
inline float __ll2float_rn(long long x) { return float(x); }
inline float __ull2float_rn(unsigned long long x) { return float(x); }
inline double __int2double_rn(int x) { return double(x); }
inline double __ll2double_rn(long long x) { return double(x); }
inline float __double2float_rn(double x) { return float(x); }

// Clocks: nanoseconds of the host.
inline long long clock64() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
