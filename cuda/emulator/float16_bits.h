// 16-bit floats as their bits, with any split between mantissa and exponent.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace emulator {

inline double from_bits(uint16_t bits, int mantissa, int exponent_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> mantissa & ((1 << exponent_bits) - 1), fraction = bits & ((1 << mantissa) - 1);
  double value;
  if (exponent == (1 << exponent_bits) - 1)
    value = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    value = std::ldexp(double(fraction), 1 - bias - mantissa);
  else
    value = std::ldexp(double(fraction + (1 << mantissa)), exponent - bias - mantissa);
  return bits & 0x8000 ? -value : value;
}

// To the nearest, ties to even.
inline uint16_t to_bits(double x, int mantissa, int exponent_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const unsigned infinity = ((1u << exponent_bits) - 1) << mantissa, sign = std::signbit(x) ? 0x8000u : 0u;
  if (std::isnan(x)) return uint16_t(infinity | 1u << (mantissa - 1));
  if (std::isinf(x)) return uint16_t(sign | infinity);
  if (x == 0) return uint16_t(sign);
  const int exponent = std::max(std::ilogb(x), 1 - bias);
  const auto steps = unsigned(std::nearbyint(std::ldexp(std::fabs(x), mantissa - exponent)));
  // A carry out of the mantissa moves the exponent by itself.
  const int64_t bits = (int64_t(exponent - (1 - bias)) << mantissa) + steps;
  return uint16_t(sign | unsigned(std::min<int64_t>(bits, infinity)));
}

}  // namespace emulator
