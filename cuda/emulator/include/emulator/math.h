// CUDA's mathematical functions that the C library lacks. The others (expf, fma, erf...) are the C library's.
#pragma once

#include <math.h>

#include <cmath>
#include <limits>

#include "emulator/markers.h"

#ifndef CUDART_INF
#define CUDART_INF_F __builtin_huge_valf()
#define CUDART_NAN_F __builtin_nanf("")
#define CUDART_INF __builtin_huge_val()
#define CUDART_NAN __builtin_nan("")
#endif

// min and max of numbers. NaN loses, as in fmin and fmax.
#define EMULATOR_MIN_MAX(A, B, T)                                                         \
  inline T min(A a, B b) {                                                                \
    return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(a) : static_cast<T>(b); \
  }                                                                                       \
  inline T max(A a, B b) {                                                                \
    return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a); \
  }
#define EMULATOR_MIN_MAX_SIGNS(T)                      \
  EMULATOR_MIN_MAX(T, T, T)                            \
  EMULATOR_MIN_MAX(unsigned T, unsigned T, unsigned T) \
  EMULATOR_MIN_MAX(T, unsigned T, unsigned T)          \
  EMULATOR_MIN_MAX(unsigned T, T, unsigned T)
EMULATOR_MIN_MAX_SIGNS(int)
EMULATOR_MIN_MAX_SIGNS(long)
EMULATOR_MIN_MAX_SIGNS(long long)
#undef EMULATOR_MIN_MAX_SIGNS
#undef EMULATOR_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline double min(float a, double b) { return fmin(double(a), b); }
inline double max(float a, double b) { return fmax(double(a), b); }
inline double min(double a, float b) { return fmin(a, double(b)); }
inline double max(double a, float b) { return fmax(a, double(b)); }

namespace emulator {
// In emulator/math.cpp.
#pragma GCC visibility push(default)
double erfinv(double x);
double normcdfinv(double p);
double erfcx(double x);
double sinpi(double x);
double cospi(double x);
double bessel_i0(double x);
double bessel_i1(double x);
#pragma GCC visibility pop
}  // namespace emulator

// EMULATOR_MATH(name, expression of the double x): the double and the float function.
#define EMULATOR_MATH(name, value)               \
  inline double name(double x) { return value; } \
  inline float name##f(float argument) {         \
    const double x = argument;                   \
    return float(value);                         \
  }
#if !defined(__GLIBC_PREREQ) || !__GLIBC_PREREQ(2, 42)
EMULATOR_MATH(rsqrt, 1.0 / ::sqrt(x))
#endif
#if !defined(__GLIBC_PREREQ) || !__GLIBC_PREREQ(2, 41)
EMULATOR_MATH(sinpi, emulator::sinpi(x))
EMULATOR_MATH(cospi, emulator::cospi(x))
#endif
EMULATOR_MATH(rcbrt, 1.0 / ::cbrt(x))
EMULATOR_MATH(erfinv, emulator::erfinv(x))
EMULATOR_MATH(erfcinv, -emulator::normcdfinv(0.5 * x) * M_SQRT1_2)
EMULATOR_MATH(normcdf, 0.5 * ::erfc(-x * M_SQRT1_2))
EMULATOR_MATH(normcdfinv, emulator::normcdfinv(x))
EMULATOR_MATH(erfcx, emulator::erfcx(x))
EMULATOR_MATH(cyl_bessel_i0, emulator::bessel_i0(x))
EMULATOR_MATH(cyl_bessel_i1, emulator::bessel_i1(x))
#undef EMULATOR_MATH

inline void sincospi(double x, double* sine, double* cosine) {
  *sine = emulator::sinpi(x);
  *cosine = emulator::cospi(x);
}
inline void sincospif(float x, float* sine, float* cosine) {
  *sine = float(emulator::sinpi(x));
  *cosine = float(emulator::cospi(x));
}

// Overloads for float that CUDA's header adds.
inline float rsqrt(float x) { return rsqrtf(x); }
inline float rcbrt(float x) { return rcbrtf(x); }
inline float erfinv(float x) { return erfinvf(x); }
inline float erfcx(float x) { return erfcxf(x); }
inline float normcdf(float x) { return normcdff(x); }
inline float normcdfinv(float x) { return normcdfinvf(x); }
inline float sinpi(float x) { return sinpif(x); }
inline float cospi(float x) { return cospif(x); }
inline float exp10(float x) { return exp10f(x); }
inline void sincos(float x, float* sine, float* cosine) { sincosf(x, sine, cosine); }

inline float fdividef(float a, float b) { return a / b; }
inline float norm3df(float a, float b, float c) {
  return float(::sqrt(double(a) * a + double(b) * b + double(c) * c));
}
inline double rhypot(double a, double b) { return 1.0 / ::hypot(a, b); }
inline float rhypotf(float a, float b) { return float(1.0 / ::hypot(double(a), double(b))); }
