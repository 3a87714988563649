// Elementary functions that a loop over floats can be vectorised through: branch-free, within 2 units in the
// last place over the whole range, with infinities and NaN as in <cmath>. For double they are the C
// library's. The polynomials are those of the Cephes library (S. L. Moshier, 1984-1992). Part of
// plait/extension.h.
#pragma once

#include <cstdint>

namespace plait {
inline namespace v1 {
namespace math {

inline float exp(float x) {
  const float bounded = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;  // NaN passes
  const float shifted = bounded * 1.44269504f + 12582912.0f;            // the nearest integer in the low bits
  const float n = shifted - 12582912.0f;
  const float r = bounded - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // 2^n in two factors, so that subnormal results come out right.
  const int32_t k = __builtin_bit_cast(int32_t, shifted) - 0x4b400000;
  const int32_t half = k >> 1;
  const float a = __builtin_bit_cast(float, (half + 127) << 23);
  const float b = __builtin_bit_cast(float, (k - half + 127) << 23);
  return p * a * b;
}

inline float log(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 8388608.0f : x;  // subnormals
  const int32_t bits = __builtin_bit_cast(int32_t, scaled);
  int32_t e = ((bits >> 23) & 0xff) - 126 - (tiny ? 23 : 0);
  float m = __builtin_bit_cast(float, (bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  const bool low = m < 0.707106781f;
  e = low ? e - 1 : e;
  m = (low ? m + m : m) - 1.0f;
  const float z = m * m, n = static_cast<float>(e);
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float y = m + (p * m * z + n * -2.12194440e-4f - 0.5f * z) + n * 0.693359375f;
  const float inf = __builtin_inff();
  return x == 0 ? -inf : x < 0 ? __builtin_nanf("") : x == inf || x != x ? x : y;
}

inline float sigmoid(float x) {
  const float small = exp(-__builtin_fabsf(x));  // never overflows
  return (x < 0 ? small : 1.0f) / (1.0f + small);
}

inline float tanh(float x) {
  const float size = __builtin_fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float near = p * z * x + x;
  const float far = 1.0f - 2.0f / (exp(2.0f * size) + 1.0f);
  return size < 0.625f ? near : __builtin_copysignf(far, x);
}

inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline float abs(float x) { return __builtin_fabsf(x); }

inline double exp(double x) { return __builtin_exp(x); }
inline double log(double x) { return __builtin_log(x); }
inline double sigmoid(double x) {
  const double small = exp(-__builtin_fabs(x));
  return (x < 0 ? small : 1.0) / (1.0 + small);
}
inline double tanh(double x) { return __builtin_tanh(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline double abs(double x) { return __builtin_fabs(x); }

}  // namespace math
}  // namespace v1
}  // namespace plait
