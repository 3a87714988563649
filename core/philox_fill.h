// Philox for runs of elements: several blocks side by side in vector registers.
#pragma once

#include "plait/philox.h"

#if defined(__AVX2__) && !defined(__CUDACC__)
#include <immintrin.h>
#elif defined(__SSE2__) && !defined(__CUDACC__)
#include <emmintrin.h>
#endif

namespace plait {

namespace philox_detail {

// A vector of 64-bit lanes, one block a lane, each word in the lower half of its lane: multiplication ignores
// the upper halves, so that a round is eight instructions for all lanes together.
#if defined(__CUDACC__) || !defined(__SSE2__)
using Lanes = uint64_t;
PLAIT_INLINE Lanes multiply(Lanes a, uint64_t b) { return (a & 0xffffffffu) * b; }
#elif defined(__AVX512F__)
typedef uint64_t Lanes __attribute__((vector_size(64)));
PLAIT_INLINE Lanes multiply(Lanes a, uint64_t b) {
  const __m512i c = _mm512_set1_epi64(static_cast<int64_t>(b));
  return reinterpret_cast<Lanes>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), c));
}
#elif defined(__AVX2__)
typedef uint64_t Lanes __attribute__((vector_size(32)));
PLAIT_INLINE Lanes multiply(Lanes a, uint64_t b) {
  const __m256i c = _mm256_set1_epi64x(static_cast<int64_t>(b));
  return reinterpret_cast<Lanes>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), c));
}
#else
typedef uint64_t Lanes __attribute__((vector_size(16)));
PLAIT_INLINE Lanes multiply(Lanes a, uint64_t b) {
  const __m128i c = _mm_set1_epi64x(static_cast<int64_t>(b));
  return reinterpret_cast<Lanes>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), c));
}
#endif

// Blocks [first, first + count) into memory of 16 * count bytes. Memory, because elements of 32 and of 64
// bits are filled by it.
static PLAIT_INLINE void fill_blocks(uint64_t seed, uint64_t offset, uint64_t first, unsigned char* out,
                                     int64_t count) {
  constexpr int kLanes = sizeof(Lanes) / sizeof(uint64_t);
  constexpr int kVectors = 2;  // independent chains, to hide the multiplication's latency
  constexpr int kBlocks = kLanes * kVectors;
  uint64_t numbers[kLanes];
  for (int l = 0; l < kLanes; ++l) numbers[l] = static_cast<uint64_t>(l);
  Lanes lane;
  __builtin_memcpy(&lane, numbers, sizeof lane);
  int64_t i = 0;
  for (; i + kBlocks <= count; i += kBlocks) {
    Lanes c0[kVectors], c1[kVectors], c2[kVectors], c3[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      c0[v] = lane + (first + static_cast<uint64_t>(i + v * kLanes));
      c1[v] = c0[v] >> 32;
      c2[v] = Lanes{} + (offset & 0xffffffffu);
      c3[v] = Lanes{} + (offset >> 32);
    }
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int r = 0; r < kRounds; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        const Lanes p0 = multiply(c0[v], kMultiplier0), p1 = multiply(c2[v], kMultiplier1);
        c0[v] = (p1 >> 32) ^ c1[v] ^ uint64_t { k0 };
        c2[v] = (p0 >> 32) ^ c3[v] ^ uint64_t { k1 };
        c1[v] = p1;
        c3[v] = p0;
      }
      k0 += kWeyl0;
      k1 += kWeyl1;
    }
    for (int v = 0; v < kVectors; ++v) {
      const Lanes low = (c0[v] & 0xffffffffu) | (c1[v] << 32), high = (c2[v] & 0xffffffffu) | (c3[v] << 32);
      uint64_t a[kLanes], b[kLanes];
      __builtin_memcpy(a, &low, sizeof low);
      __builtin_memcpy(b, &high, sizeof high);
      for (int l = 0; l < kLanes; ++l) {
        const uint64_t block[2] = {a[l], b[l]};
        __builtin_memcpy(out + 16 * (i + v * kLanes + l), block, 16);
      }
    }
  }
  for (; i < count; ++i) {
    const PhiloxBlock block = philox(seed, offset, first + static_cast<uint64_t>(i));
    __builtin_memcpy(out + 16 * i, block.v, 16);
  }
}

}  // namespace philox_detail

// The bits of elements [first, first + n): as above, several blocks side by side in vector registers.
static PLAIT_INLINE void philox_fill32(uint64_t seed, uint64_t offset, uint64_t first, uint32_t* out,
                                       int64_t n) {
  const uint64_t end = first + static_cast<uint64_t>(n);
  for (; first < end && first % 4 != 0; ++first) *out++ = philox_bits32(seed, offset, first);
  const uint64_t blocks = (end - first) / 4;
  philox_detail::fill_blocks(seed, offset, first / 4, reinterpret_cast<unsigned char*>(out),
                             static_cast<int64_t>(blocks));
  out += 4 * blocks;
  for (first += 4 * blocks; first < end; ++first) *out++ = philox_bits32(seed, offset, first);
}

static PLAIT_INLINE void philox_fill64(uint64_t seed, uint64_t offset, uint64_t first, uint64_t* out,
                                       int64_t n) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a pair of words is filled as one 64-bit number");
  const uint64_t end = first + static_cast<uint64_t>(n);
  for (; first < end && first % 2 != 0; ++first) *out++ = philox_bits64(seed, offset, first);
  const uint64_t blocks = (end - first) / 2;
  philox_detail::fill_blocks(seed, offset, first / 2, reinterpret_cast<unsigned char*>(out),
                             static_cast<int64_t>(blocks));
  out += 2 * blocks;
  for (first += 2 * blocks; first < end; ++first) *out++ = philox_bits64(seed, offset, first);
}

}  // namespace plait
