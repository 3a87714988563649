// Philox4x32-10, a random number generator without state: ten rounds of multiplication turn a 128-bit counter
// into 128 random bits, under a 64-bit key. Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011.
//
// The key is the generator's seed; the counter is (index, offset), where offset is the op's draw
// (core/generator.h) and index counts blocks of four 32-bit words within it. Which element reads which bits
// is fixed:
//
//   32-bit draws   element i reads word i % 4 of block i / 4
//   64-bit draws   element i reads words 2 (i % 2) and 2 (i % 2) + 1 (the upper half) of block i / 2
//
// so that the bits depend on (seed, offset, element) alone: not on the number of threads, on the block size,
// nor on the device. On a little-endian machine the 64-bit draws from element i on are the 32-bit draws from
// element 2 i on.
#pragma once

#include <cstdint>

#include "plait/half.h"
#include "plait/inline.h"

namespace plait {

struct PhiloxBlock {
  uint32_t v[4];
};

namespace philox_detail {

inline constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
inline constexpr int kRounds = 10;

PLAIT_INLINE constexpr void round(uint32_t& c0, uint32_t& c1, uint32_t& c2, uint32_t& c3, uint32_t k0,
                                  uint32_t k1) {
  const uint64_t p0 = uint64_t{kMultiplier0} * c0, p1 = uint64_t{kMultiplier1} * c2;
  c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
  c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
  c1 = static_cast<uint32_t>(p1);
  c3 = static_cast<uint32_t>(p0);
}

}  // namespace philox_detail

// One block: four random words.
PLAIT_INLINE constexpr PhiloxBlock philox(uint64_t seed, uint64_t offset, uint64_t index) {
  uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32);
  uint32_t c2 = static_cast<uint32_t>(offset), c3 = static_cast<uint32_t>(offset >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int r = 0; r < philox_detail::kRounds; ++r) {
    philox_detail::round(c0, c1, c2, c3, k0, k1);
    k0 += philox_detail::kWeyl0;
    k1 += philox_detail::kWeyl1;
  }
  return {{c0, c1, c2, c3}};
}

// The bits of one element.
PLAIT_INLINE constexpr uint32_t philox_bits32(uint64_t seed, uint64_t offset, uint64_t element) {
  return philox(seed, offset, element / 4).v[element % 4];
}
PLAIT_INLINE constexpr uint64_t philox_bits64(uint64_t seed, uint64_t offset, uint64_t element) {
  const PhiloxBlock block = philox(seed, offset, element / 2);
  const uint64_t low = block.v[2 * (element % 2)], high = block.v[2 * (element % 2) + 1];
  return high << 32 | low;
}

// --- From bits to numbers

// Uniform in [0, 1), every value a multiple of 2^-24 (float), 2^-11 (Half), 2^-8 (BFloat16), 2^-53 (double).
template <class T>
PLAIT_INLINE constexpr T uniform_from_bits(uint32_t bits) {
  constexpr int digits = std::numeric_limits<T>::digits;
  static_assert(digits <= 24, "double takes 64 bits");
  constexpr float scale = 1.0f / static_cast<float>(1u << digits);
  return static_cast<T>(static_cast<float>(static_cast<int32_t>(bits >> (32 - digits))) * scale);
}
PLAIT_INLINE constexpr double uniform_from_bits(uint64_t bits) {
  // Both halves are put below a large power of two, which is taken away again, exactly: there is no vector
  // instruction that converts 64-bit integers before AVX-512.
  const uint64_t v = bits >> 11;
  const double high = __builtin_bit_cast(double, v >> 32 | 0x4530000000000000u);  // 2^84 + 2^32 (v >> 32)
  const double low = __builtin_bit_cast(double, (v & 0xffffffffu) | 0x4330000000000000u);  // 2^52 + the rest
  return (high - (0x1p84 + 0x1p52) + low) * 0x1p-53;
}

// Uniform in (0, 1], for logarithms. The spacing is finer near zero (2^-31; in double 2^-53), so that the
// tails of a normal or an exponential reach as far as the bits allow.
PLAIT_INLINE constexpr float positive_uniform_from_bits(uint32_t bits) {
  return static_cast<float>(static_cast<int32_t>(bits >> 1)) * 0x1p-31f + 0x1p-32f;
}
PLAIT_INLINE constexpr double positive_uniform_from_bits(uint64_t bits) {
  return uniform_from_bits(bits) + 0x1p-53;
}

// Uniform integer in [0, range), exactly: Lemire, "Fast random integer generation in an interval", 2019.
// Ranges up to 2^32 take the element's 32-bit draw, larger ones its 64-bit draw, and range 0 means 2^64. A
// rejected draw (probability below range / 2^32 or 2^64) is repeated from blocks of its own: attempt a of
// element i reads block i of the counter space a << 56.
namespace philox_detail {
PLAIT_INLINE constexpr uint64_t retry(uint64_t seed, uint64_t offset, uint64_t element, uint64_t attempt) {
  const PhiloxBlock block = philox(seed, offset, element | attempt << 56);
  return uint64_t{block.v[1]} << 32 | block.v[0];
}
}  // namespace philox_detail

PLAIT_INLINE constexpr uint32_t bounded_from_bits32(uint32_t bits, uint64_t range, uint64_t seed,
                                                    uint64_t offset, uint64_t element) {
  if (range == uint64_t{1} << 32) return bits;
  uint64_t product = bits * range;
  if (__builtin_expect(static_cast<uint32_t>(product) < range, 0)) {
    const uint32_t threshold = (0u - static_cast<uint32_t>(range)) % static_cast<uint32_t>(range);
    for (uint64_t attempt = 1; static_cast<uint32_t>(product) < threshold; ++attempt) {
      product = static_cast<uint32_t>(philox_detail::retry(seed, offset, element, attempt)) * range;
    }
  }
  return static_cast<uint32_t>(product >> 32);
}

PLAIT_INLINE constexpr uint64_t bounded_from_bits64(uint64_t bits, uint64_t range, uint64_t seed,
                                                    uint64_t offset, uint64_t element) {
  if (range == 0) return bits;
  __extension__ typedef unsigned __int128 uint128;
  uint128 product = static_cast<uint128>(bits) * range;
  if (__builtin_expect(static_cast<uint64_t>(product) < range, 0)) {
    const uint64_t threshold = (0 - range) % range;
    for (uint64_t attempt = 1; static_cast<uint64_t>(product) < threshold; ++attempt) {
      product = static_cast<uint128>(philox_detail::retry(seed, offset, element, attempt)) * range;
    }
  }
  return static_cast<uint64_t>(product >> 64);
}

// One element's bounded integer, straight from its address.
PLAIT_INLINE constexpr uint64_t philox_bounded(uint64_t seed, uint64_t offset, uint64_t element,
                                               uint64_t range) {
  if (range != 0 && range <= uint64_t{1} << 32) {
    return bounded_from_bits32(philox_bits32(seed, offset, element), range, seed, offset, element);
  }
  return bounded_from_bits64(philox_bits64(seed, offset, element), range, seed, offset, element);
}

}  // namespace plait
