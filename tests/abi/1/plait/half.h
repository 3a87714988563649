// The 16-bit floating types as storage: values are kept as bits, computed as float. Conversions are IEEE 754:
// to nearest, ties to even, with subnormals, infinities and (quiet) NaNs kept. They are branch-free bit code,
// so loops over them vectorise (core/half_blocks.h uses the F16C instructions where compiled in).
#pragma once

#include <cstdint>
#include <limits>

#include "plait/inline.h"

namespace plait {

namespace half_detail {

PLAIT_INLINE constexpr uint32_t select(bool condition, uint32_t a, uint32_t b) { return condition ? a : b; }

// Comparisons are signed throughout: SSE and AVX2 have no unsigned ones, and all operands are below 2^31.
PLAIT_INLINE constexpr float half_to_float(uint16_t half) {
  constexpr uint32_t kSubnormalBase = 113u << 23;  // 2^-14, the smallest normal Half
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  const int32_t exponent = static_cast<int32_t>(magnitude & 0x0f800000u);
  const uint32_t normal = magnitude + ((127u - 15u) << 23);
  const uint32_t special = magnitude + ((255u - 31u) << 23);
  // A subnormal is mantissa * 2^-24: put the mantissa behind a leading one and take the one away again,
  // exactly.
  const float subnormal =
      __builtin_bit_cast(float, magnitude + kSubnormalBase) - __builtin_bit_cast(float, kSubnormalBase);
  uint32_t bits = select(exponent == 0x0f800000, special, normal);
  bits = select(exponent == 0, __builtin_bit_cast(uint32_t, subnormal), bits);
  // A signalling NaN becomes quiet, as the hardware does it.
  bits |= select(static_cast<int32_t>(magnitude) > 0x0f800000, 0x00400000u, 0u);
  return __builtin_bit_cast(float, bits | (static_cast<uint32_t>(half & 0x8000u) << 16));
}

PLAIT_INLINE constexpr uint16_t float_to_half(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const int32_t magnitude = static_cast<int32_t>(bits & 0x7fffffffu);
  const uint32_t u = static_cast<uint32_t>(magnitude);
  // Normal results: re-bias, add just under half a unit and one more where the kept mantissa is odd. The
  // carry may run into the exponent, up to infinity: that is what rounding asks for.
  const uint32_t normal = (u - ((127u - 15u) << 23) + 0xfffu + ((u >> 13) & 1u)) >> 13;
  // Subnormal results: adding 0.5 leaves exactly ten mantissa bits below it, so the addition itself rounds.
  const float shifted = __builtin_bit_cast(float, u) + 0.5f;
  const uint32_t subnormal = __builtin_bit_cast(uint32_t, shifted) - __builtin_bit_cast(uint32_t, 0.5f);
  const uint32_t nan = 0x7e00u | ((u >> 13) & 0x3ffu);
  const uint32_t special = select(magnitude > 0x7f800000, nan, 0x7c00u);
  uint32_t result = select(magnitude < (113 << 23), subnormal, normal);
  result = select(magnitude >= (143 << 23), special, result);
  return static_cast<uint16_t>(result | sign);
}

PLAIT_INLINE constexpr float bfloat16_to_float(uint16_t bits) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16);
}

PLAIT_INLINE constexpr uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40u;
  const bool is_nan = static_cast<int32_t>(bits & 0x7fffffffu) > 0x7f800000;
  return static_cast<uint16_t>(select(is_nan, nan, rounded));
}

}  // namespace half_detail

// IEEE 754 binary16: 5 bits of exponent, 10 of mantissa.
struct Half {
  uint16_t bits;

  Half() = default;
  PLAIT_INLINE constexpr Half(float value) : bits(half_detail::float_to_half(value)) {}
  PLAIT_INLINE constexpr operator float() const { return half_detail::half_to_float(bits); }
  PLAIT_INLINE static constexpr Half from_bits(uint16_t bits) { return Half(bits, Raw{}); }

 private:
  struct Raw {};
  PLAIT_INLINE constexpr Half(uint16_t raw, Raw) : bits(raw) {}
};

// The upper half of a float: 8 bits of exponent, 7 of mantissa.
struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  PLAIT_INLINE constexpr BFloat16(float value) : bits(half_detail::float_to_bfloat16(value)) {}
  PLAIT_INLINE constexpr operator float() const { return half_detail::bfloat16_to_float(bits); }
  PLAIT_INLINE static constexpr BFloat16 from_bits(uint16_t bits) { return BFloat16(bits, Raw{}); }

 private:
  struct Raw {};
  PLAIT_INLINE constexpr BFloat16(uint16_t raw, Raw) : bits(raw) {}
};

static_assert(sizeof(Half) == 2 && alignof(Half) == 2 && sizeof(BFloat16) == 2 && alignof(BFloat16) == 2);

namespace half_detail {

// What the two types' numeric_limits share; T is the type, Digits the mantissa with its leading one.
template <class T, int Digits, int MaxExponent, uint16_t One>
struct Limits {
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr bool has_signaling_NaN = true;
  static constexpr auto has_denorm = std::denorm_present;
  static constexpr bool has_denorm_loss = false;
  static constexpr auto round_style = std::round_to_nearest;
  static constexpr bool is_iec559 = true;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr bool traps = false;
  static constexpr bool tinyness_before = false;
  static constexpr int radix = 2;
  static constexpr int digits = Digits;
  static constexpr int digits10 = (Digits - 1) * 301 / 1000;
  static constexpr int max_digits10 = Digits * 301 / 1000 + 2;
  static constexpr int max_exponent = MaxExponent;
  static constexpr int min_exponent = 3 - MaxExponent;
  static constexpr int max_exponent10 = MaxExponent * 301 / 1000;
  static constexpr int min_exponent10 = -((MaxExponent - 2) * 301 / 1000);

  // Bit patterns: the exponent field starts at bit Digits - 1.
  static constexpr uint16_t kInfinity = static_cast<uint16_t>(0x7fff >> (Digits - 1) << (Digits - 1));
  PLAIT_INLINE static constexpr T min() { return T::from_bits(uint16_t(1 << (Digits - 1))); }
  PLAIT_INLINE static constexpr T max() { return T::from_bits(uint16_t(kInfinity - 1)); }
  PLAIT_INLINE static constexpr T lowest() { return T::from_bits(uint16_t(0x8000 | (kInfinity - 1))); }
  PLAIT_INLINE static constexpr T epsilon() {
    return T::from_bits(uint16_t(One - ((Digits - 1) << (Digits - 1))));
  }
  PLAIT_INLINE static constexpr T round_error() { return T::from_bits(uint16_t(One - (1 << (Digits - 1)))); }
  PLAIT_INLINE static constexpr T infinity() { return T::from_bits(kInfinity); }
  PLAIT_INLINE static constexpr T quiet_NaN() {
    return T::from_bits(uint16_t(kInfinity | (1 << (Digits - 2))));
  }
  PLAIT_INLINE static constexpr T signaling_NaN() {
    return T::from_bits(uint16_t(kInfinity | (1 << (Digits - 3))));
  }
  PLAIT_INLINE static constexpr T denorm_min() { return T::from_bits(1); }
};

}  // namespace half_detail

}  // namespace plait

template <>
struct std::numeric_limits<plait::Half> : plait::half_detail::Limits<plait::Half, 11, 16, 0x3c00> {};
template <>
struct std::numeric_limits<plait::BFloat16> : plait::half_detail::Limits<plait::BFloat16, 8, 128, 0x3f80> {};
