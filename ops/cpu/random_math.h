// Random numbers for blocks of elements: uniform, normal, exponential, bounded integers. Element i's number
// depends on (seed, offset, i) alone, whatever the split into blocks: plait/philox.h says which bits it
// reads.
//
//   uniform       [0, 1) with as many bits as the type's mantissa
//   normal        elements 2 j and 2 j + 1 are r cos(a) and r sin(a), r = sqrt(-2 log u), a = 2 pi v, with u
//   in (0, 1] from the bits of
//                 element 2 j and v in [0, 1) from those of element 2 j + 1 (Box and Muller, 1958)
//   exponential   -log(u), u in (0, 1], never zero
//   bounded       [0, range), exactly uniform (Lemire, 2019)
//
// The bits are the same on every machine; logarithm, sine and cosine may differ in the last place between
// instruction sets.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/philox_fill.h"
#include "ops/cpu/vecmath.h"

namespace plait::vec {
namespace {

// Where the random bits of a block stand: 32 for float and the 16-bit types, 64 for double.
template <class T>
using RandomBits = std::conditional_t<std::is_same_v<T, double>, uint64_t, uint32_t>;
inline constexpr int64_t kRandomBlock = 512;

PLAIT_INLINE void random_bits(uint64_t seed, uint64_t offset, uint64_t first, uint32_t* out, int64_t n) {
  philox_fill32(seed, offset, first, out, n);
}
PLAIT_INLINE void random_bits(uint64_t seed, uint64_t offset, uint64_t first, uint64_t* out, int64_t n) {
  philox_fill64(seed, offset, first, out, n);
}

// Calls f(bits, begin, count) for blocks of elements [first + begin, first + begin + count). Blocks begin at
// even elements, but for the first where `first` is odd.
template <class Bits, class F>
inline void for_random_blocks(uint64_t seed, uint64_t offset, uint64_t first, int64_t n, F f) {
  Bits bits[kRandomBlock];
  for (int64_t begin = 0; begin < n;) {
    const int64_t whole = kRandomBlock - static_cast<int64_t>((first + static_cast<uint64_t>(begin)) % 2);
    const int64_t count = n - begin < whole ? n - begin : whole;
    random_bits(seed, offset, first + static_cast<uint64_t>(begin), bits, count);
    f(static_cast<const Bits*>(bits), begin, count);
    begin += count;
  }
}

template <class T>
PLAIT_INLINE T uniform01(RandomBits<T> bits) {
  if constexpr (std::is_same_v<T, double>)
    return uniform_from_bits(bits);
  else
    return uniform_from_bits<T>(bits);
}

// Elements [first, first + n) of a tensor of uniform numbers in [0, 1).
template <class T>
inline void fill_uniform(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n) {
  for_random_blocks<RandomBits<T>>(seed, offset, first, n,
                                   [&](const auto* bits, int64_t begin, int64_t count) {
                                     T* target = out + begin;
                                     for (int64_t i = 0; i < count; ++i) target[i] = uniform01<T>(bits[i]);
                                   });
}

// sin and cos of 2 pi v for v in [0, 1): the reduction is exact, since 4 v is.
template <class T>
struct SinCos {
  T sin, cos;
};
template <class T>
PLAIT_INLINE SinCos<T> sin_cos_turns(T v) {
  const T quarters = round(T(4) * v);
  const T r = (v - T(0.25) * quarters) * T(6.283185307179586);
  const T s = sin_kernel(r, T(0)), c = cos_kernel(r, T(0));
  // quarters is 0 to 4; odd ones exchange the two.
  const bool odd = (quarters == T(1)) | (quarters == T(3));
  const bool sin_negative = (quarters == T(2)) | (quarters == T(3));
  const bool cos_negative = (quarters == T(1)) | (quarters == T(2));
  const T a = select(odd, c, s), b = select(odd, s, c);
  return {select(sin_negative, -a, a), select(cos_negative, -b, b)};
}

template <class T>
struct NormalPair {
  T even, odd;
};
template <class T>
PLAIT_INLINE NormalPair<T> normal_pair(RandomBits<T> even_bits, RandomBits<T> odd_bits) {
  const T u = positive_uniform_from_bits(even_bits);  // a normal number, so the plain logarithm does
  const T radius = sqrt(T(-2) * log_of_mantissa(split_mantissa(u)));
  const SinCos<T> angle = sin_cos_turns<T>(uniform01<T>(odd_bits));
  return {radius * angle.cos, radius * angle.sin};
}

// Standard normal numbers; T is float or double.
template <class T>
inline void fill_normal(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n) {
  using Bits = RandomBits<T>;
  if (n > 0 && first % 2 != 0) {  // the second half of a pair
    Bits pair[2];
    random_bits(seed, offset, first - 1, pair, 2);
    *out++ = normal_pair<T>(pair[0], pair[1]).odd;
    ++first;
    --n;
  }
  for_random_blocks<Bits>(seed, offset, first, n - n % 2,
                          [&](const Bits* bits, int64_t begin, int64_t count) {
                            T* target = out + begin;
                            T even[kRandomBlock / 2], odd[kRandomBlock / 2];
                            const int64_t pairs = count / 2;
                            for (int64_t j = 0; j < pairs; ++j) {
                              const NormalPair<T> pair = normal_pair<T>(bits[2 * j], bits[2 * j + 1]);
                              even[j] = pair.even;
                              odd[j] = pair.odd;
                            }
                            for (int64_t j = 0; j < pairs; ++j) {
                              target[2 * j] = even[j];
                              target[2 * j + 1] = odd[j];
                            }
                          });
  if (n % 2 != 0) {  // the first half of one
    Bits pair[2];
    random_bits(seed, offset, first + static_cast<uint64_t>(n - 1), pair, 2);
    out[n - 1] = normal_pair<T>(pair[0], pair[1]).even;
  }
}

// Exponential numbers of rate 1; T is float or double. Positive: users divide by them.
template <class T>
inline void fill_exponential(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n) {
  constexpr T kSmallest = std::numeric_limits<T>::epsilon() / 2;
  for_random_blocks<RandomBits<T>>(
      seed, offset, first, n, [&](const auto* bits, int64_t begin, int64_t count) {
        T* target = out + begin;
        for (int64_t i = 0; i < count; ++i) {
          const T y = -log_of_mantissa(split_mantissa(positive_uniform_from_bits(bits[i])));
          target[i] = at_least(y, kSmallest);
        }
      });
}

// Integers in [low, low + range); range 0 means 2^64. Sums wrap, so that any range of any integer type can be
// given; floating types take them where they represent them.
template <class T>
inline void fill_bounded(uint64_t seed, uint64_t offset, uint64_t first, int64_t low, uint64_t range, T* out,
                         int64_t n) {
  const auto shifted = [low](uint64_t value) {
    return static_cast<T>(static_cast<int64_t>(static_cast<uint64_t>(low) + value));
  };
  if (range != 0 && range <= uint64_t{1} << 32) {
    for_random_blocks<uint32_t>(
        seed, offset, first, n, [&](const uint32_t* bits, int64_t begin, int64_t count) {
          T* target = out + begin;
          for (int64_t i = 0; i < count; ++i) {
            const uint64_t element = first + static_cast<uint64_t>(begin + i);
            target[i] = shifted(bounded_from_bits32(bits[i], range, seed, offset, element));
          }
        });
  } else {
    for_random_blocks<uint64_t>(
        seed, offset, first, n, [&](const uint64_t* bits, int64_t begin, int64_t count) {
          T* target = out + begin;
          for (int64_t i = 0; i < count; ++i) {
            const uint64_t element = first + static_cast<uint64_t>(begin + i);
            target[i] = shifted(bounded_from_bits64(bits[i], range, seed, offset, element));
          }
        });
  }
}

}  // namespace
}  // namespace plait::vec
