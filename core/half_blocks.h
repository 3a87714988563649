// Conversion of blocks of the 16-bit floating types, with the F16C instructions where compiled in.
#pragma once

#include "plait/half.h"

#if defined(__F16C__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

namespace plait {

#if defined(__AVX512F__) && !defined(__CUDACC__)
// All lanes of a masked instruction; of the unmasked ones GCC 12 says that they read what is not initialised.
static constexpr __mmask16 kAllLanes = 0xffff;
#endif

// Converts blocks; the ranges do not overlap. The same values as element by element, bit for bit.
static PLAIT_INLINE void half_to_float(const Half* in, float* out, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__) && !defined(__CUDACC__)
  for (; i + 16 <= n; i += 16) {
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i));
    _mm512_storeu_ps(out + i, _mm512_maskz_cvtph_ps(kAllLanes, h));
  }
#endif
#if defined(__F16C__) && !defined(__CUDACC__)
  for (; i + 8 <= n; i += 8) {
    const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(h));
  }
#endif
  for (; i < n; ++i) out[i] = in[i];
}

static PLAIT_INLINE void float_to_half(const float* in, Half* out, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__) && !defined(__CUDACC__)
  constexpr int kRounding = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    const __m256i h = _mm512_maskz_cvtps_ph(kAllLanes, _mm512_loadu_ps(in + i), kRounding);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), h);
  }
#endif
  for (; i + 8 <= n; i += 8) {
    const __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), kRounding);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), h);
  }
#endif
  for (; i < n; ++i) out[i] = in[i];
}

// The same for BFloat16, where plain loops are already as good as it gets, so that callers can be generic.
static PLAIT_INLINE void bfloat16_to_float(const BFloat16* in, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[i];
}
static PLAIT_INLINE void float_to_bfloat16(const float* in, BFloat16* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[i];
}

// One name for both types.
static PLAIT_INLINE void to_float(const Half* in, float* out, int64_t n) { half_to_float(in, out, n); }
static PLAIT_INLINE void to_float(const BFloat16* in, float* out, int64_t n) {
  bfloat16_to_float(in, out, n);
}
static PLAIT_INLINE void from_float(const float* in, Half* out, int64_t n) { float_to_half(in, out, n); }
static PLAIT_INLINE void from_float(const float* in, BFloat16* out, int64_t n) {
  float_to_bfloat16(in, out, n);
}

}  // namespace plait
