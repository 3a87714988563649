// The 8-bit floating types of the Open Compute Project's OFP8 specification (revision 1.0, 2023), as storage:
// values are kept as bits and computed as float. Conversions round to nearest, ties to even.
#pragma once

#include <cstdint>

#include "plait/half.h"

namespace plait {

namespace float8_detail {

PLAIT_INLINE constexpr float e4m3fn_to_float(uint8_t value) {
  const uint32_t magnitude = (value & 0x7fu) << 20;
  // A subnormal is mantissa * 2^-9: the mantissa behind a leading one, which is taken away again, exactly.
  const float subnormal = __builtin_bit_cast(float, magnitude + (121u << 23)) - 0x1p-6f;
  uint32_t bits = half_detail::select(static_cast<int32_t>(magnitude) < (1 << 23),
                                      __builtin_bit_cast(uint32_t, subnormal), magnitude + (120u << 23));
  bits = half_detail::select(magnitude == 0x7f00000u, 0x7fc00000u, bits);
  return __builtin_bit_cast(float, bits | static_cast<uint32_t>(value & 0x80u) << 24);
}

// There is no infinity: what rounds to more than 448 becomes NaN.
PLAIT_INLINE constexpr uint8_t float_to_e4m3fn(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t u = bits & 0x7fffffffu;
  // Normal results: re-bias, add just under half a unit and one more where the kept mantissa is odd.
  const uint32_t normal = (u - ((127u - 7u) << 23) + 0x7ffffu + ((u >> 20) & 1u)) >> 20;
  // Subnormal results are multiples of 2^-9, the last place of a float from 2^14 on: the addition rounds.
  const float shifted = __builtin_bit_cast(float, u) + 0x1p14f;
  const uint32_t subnormal = __builtin_bit_cast(uint32_t, shifted) - __builtin_bit_cast(uint32_t, 0x1p14f);
  uint32_t result = half_detail::select(static_cast<int32_t>(u) < (121 << 23), subnormal, normal);
  // 464 lies between 448 and the 480 that there is not; as a tie it goes to 448, which is even.
  result = half_detail::select(static_cast<int32_t>(u) > 0x43e80000, 0x7fu, result);
  return static_cast<uint8_t>(result | (bits >> 24 & 0x80u));
}

// The upper half of a Half.
PLAIT_INLINE constexpr float e5m2_to_float(uint8_t value) {
  return half_detail::half_to_float(static_cast<uint16_t>(value << 8));
}

PLAIT_INLINE constexpr uint8_t float_to_e5m2(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t u = bits & 0x7fffffffu;
  const uint32_t normal = (u - ((127u - 15u) << 23) + 0xfffffu + ((u >> 21) & 1u)) >> 21;
  const float shifted = __builtin_bit_cast(float, u) + 0x1p7f;  // subnormals are multiples of 2^-16
  const uint32_t subnormal = __builtin_bit_cast(uint32_t, shifted) - __builtin_bit_cast(uint32_t, 0x1p7f);
  const uint32_t special = half_detail::select(static_cast<int32_t>(u) > 0x7f800000, 0x7fu, 0x7cu);
  uint32_t result = half_detail::select(static_cast<int32_t>(u) < (113 << 23), subnormal, normal);
  result = half_detail::select(static_cast<int32_t>(u) >= (143 << 23), special, result);
  return static_cast<uint8_t>(result | (bits >> 24 & 0x80u));
}

}  // namespace float8_detail

// 4 bits of exponent, 3 of mantissa, no infinities, one NaN; the largest number is 448.
struct Float8E4M3FN {
  uint8_t bits;

  Float8E4M3FN() = default;
  PLAIT_INLINE constexpr Float8E4M3FN(float value) : bits(float8_detail::float_to_e4m3fn(value)) {}
  PLAIT_INLINE constexpr operator float() const { return float8_detail::e4m3fn_to_float(bits); }
};

// IEEE 754's rules with 5 bits of exponent and 2 of mantissa; the largest number is 57344.
struct Float8E5M2 {
  uint8_t bits;

  Float8E5M2() = default;
  PLAIT_INLINE constexpr Float8E5M2(float value) : bits(float8_detail::float_to_e5m2(value)) {}
  PLAIT_INLINE constexpr operator float() const { return float8_detail::e5m2_to_float(bits); }
};

static_assert(sizeof(Float8E4M3FN) == 1 && sizeof(Float8E5M2) == 1);

}  // namespace plait
