// 8-bit floats as their bits: E4M3, whose largest exponent holds numbers and one NaN, and E5M2, half of a
// 16-bit float.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "float16_bits.h"

namespace emulator {

enum class Float8 { E4M3, E5M2 };

inline double from_8_bits(uint8_t bits, Float8 format) {
  if (format == Float8::E5M2) return from_bits(uint16_t(bits << 8), 10, 5);
  const int exponent = bits >> 3 & 15, fraction = bits & 7;
  double value = exponent ? std::ldexp(8 + fraction, exponent - 10) : std::ldexp(fraction, -9);
  if ((bits & 0x7f) == 0x7f) value = std::numeric_limits<double>::quiet_NaN();
  return bits & 0x80 ? -value : value;
}

// The nearest to x; never larger than the largest number.
inline uint8_t to_8_bits(double x, Float8 format) {
  const int sign = std::signbit(x) ? 0x80 : 0, largest = format == Float8::E4M3 ? 0x7e : 0x7b;
  if (std::isnan(x)) return uint8_t(sign | 0x7f);
  int low = 0, high = largest;  // the last number that is not above |x|
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (from_8_bits(uint8_t(middle), format) <= std::fabs(x))
      low = middle;
    else
      high = middle - 1;
  }
  if (low == largest) return uint8_t(sign | largest);
  const double below = std::fabs(x) - from_8_bits(uint8_t(low), format),
               above = from_8_bits(uint8_t(low + 1), format) - std::fabs(x);
  return uint8_t(sign | (low + (above < below || (above == below && low % 2))));
}

}  // namespace emulator
