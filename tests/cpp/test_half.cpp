#include <cmath>
#include <cstdint>
#include <vector>

#include "catch.h"
#include "core/half_blocks.h"

using plait::BFloat16;
using plait::Half;

namespace {

// The value of 16 bits with the given split, from the definition of the format.
double decode(uint16_t bits, int mantissa_bits) {
  const int exponent_bits = 15 - mantissa_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> mantissa_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  double value;
  if (exponent == (1 << exponent_bits) - 1)
    value = mantissa ? NAN : INFINITY;
  else if (exponent == 0)
    value = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  else
    value = std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
  return bits & 0x8000 ? -value : value;
}

// Round to nearest, ties to even, in exact arithmetic.
template <class T>
uint16_t encode(float value, int mantissa_bits) {
  using Limits = std::numeric_limits<T>;
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const uint16_t infinity = T(Limits::infinity()).bits;
  const double magnitude = std::fabs(value);
  int exponent;
  std::frexp(magnitude, &exponent);
  const double unit =
      std::ldexp(1.0, std::max(exponent - 1 - mantissa_bits, Limits::min_exponent - 1 - mantissa_bits));
  const double rounded = std::nearbyint(magnitude / unit) * unit;
  if (rounded >= std::ldexp(1.0, Limits::max_exponent)) return sign | infinity;
  const double smallest = std::ldexp(1.0, Limits::min_exponent - 1);
  if (rounded < smallest) return sign | static_cast<uint16_t>(rounded / std::ldexp(smallest, -mantissa_bits));
  std::frexp(rounded, &exponent);
  const double fraction = std::ldexp(rounded, mantissa_bits + 1 - exponent);  // with the leading one
  const int biased = exponent - Limits::min_exponent;  // the leading one carries one in
  return sign | static_cast<uint16_t>((biased << mantissa_bits) + static_cast<int>(fraction));
}

bool same(float a, float b) { return __builtin_bit_cast(uint32_t, a) == __builtin_bit_cast(uint32_t, b); }

template <class T>
void check_all_patterns(int mantissa_bits) {
  for (uint32_t u = 0; u < 0x10000; ++u) {
    const T x = T::from_bits(static_cast<uint16_t>(u));
    const double expected = decode(x.bits, mantissa_bits);
    INFO("bits " << u);
    if (std::isnan(expected)) {
      REQUIRE(std::isnan(float(x)));
      REQUIRE(std::signbit(float(x)) == (u >= 0x8000));
      REQUIRE(std::isnan(float(T(float(x)))));
    } else {
      REQUIRE(same(float(x), static_cast<float>(expected)));
      REQUIRE(T(float(x)).bits == x.bits);
    }
  }
}

template <class T>
void check_rounding(int mantissa_bits) {
  // Every 251st float, and around each value of T and each midpoint between two, where rounding decides.
  uint64_t wrong = 0;
  uint32_t first = 0;
  auto check = [&](uint32_t u) {
    const float f = __builtin_bit_cast(float, u);
    const T got(f);
    const bool good = std::isnan(f) ? std::isnan(float(got)) : got.bits == encode<T>(f, mantissa_bits);
    if (!good && wrong++ == 0) first = u;
  };
  for (uint64_t u = 0; u < (1ull << 32); u += 251) check(static_cast<uint32_t>(u));
  for (uint32_t h = 0; h < 0xffff; ++h) {
    const float a = T::from_bits(static_cast<uint16_t>(h)), b = T::from_bits(static_cast<uint16_t>(h + 1));
    const float middle = static_cast<float>((double(a) + double(b)) / 2);
    for (float f : {a, middle}) {
      for (int32_t d = -2; d <= 2; ++d) check(__builtin_bit_cast(uint32_t, f) + static_cast<uint32_t>(d));
    }
  }
  INFO("first wrong float: bits " << first);
  REQUIRE(wrong == 0);
}

}  // namespace

TEST_CASE("every 16-bit pattern decodes to its value and comes back", "[half]") {
  check_all_patterns<Half>(10);
  check_all_patterns<BFloat16>(7);
}

TEST_CASE("floats round to the nearest, ties to even", "[half]") {
  check_rounding<Half>(10);
  check_rounding<BFloat16>(7);
}

TEST_CASE("limits of the 16-bit types", "[half]") {
  using H = std::numeric_limits<Half>;
  using B = std::numeric_limits<BFloat16>;
  CHECK(float(H::max()) == 65504.0f);
  CHECK(float(H::lowest()) == -65504.0f);
  CHECK(float(H::min()) == std::ldexp(1.0f, -14));
  CHECK(float(H::denorm_min()) == std::ldexp(1.0f, -24));
  CHECK(float(H::epsilon()) == std::ldexp(1.0f, -10));
  CHECK(float(B::max()) == 3.3895313892515355e38f);
  CHECK(float(B::min()) == std::numeric_limits<float>::min());
  CHECK(float(B::denorm_min()) == std::ldexp(1.0f, -133));
  CHECK(float(B::epsilon()) == std::ldexp(1.0f, -7));
  CHECK((std::isinf(float(H::infinity())) && std::isinf(float(B::infinity()))));
  CHECK((std::isnan(float(H::quiet_NaN())) && std::isnan(float(B::signaling_NaN()))));
  CHECK(float(H::round_error()) == 0.5f);
  CHECK((H::digits10 == 3 && B::digits10 == 2 && H::max_digits10 == 5 && B::max_digits10 == 4));
  CHECK(
      (H::max_exponent == 16 && H::min_exponent == -13 && B::max_exponent == 128 && B::min_exponent == -125));
  CHECK((H::max_exponent10 == 4 && H::min_exponent10 == -4 && B::max_exponent10 == 38 &&
         B::min_exponent10 == -37));
}

TEST_CASE("16-bit values in constant expressions and arithmetic", "[half]") {
  static_assert(Half(1.5f).bits == 0x3e00 && BFloat16(1.5f).bits == 0x3fc0);
  static_assert(float(Half(2.0f)) * Half(0.25f) == 0.5f);
  static_assert(Half(65520.0f).bits == 0x7c00 && Half(65519.0f).bits == 0x7bff);
  const Half a = 3, b = 0.5;
  CHECK(a + b == 3.5f);
  CHECK(a > b);
  CHECK(static_cast<int64_t>(a) == 3);
  CHECK(static_cast<bool>(Half(0.0f)) == false);
}

TEST_CASE("block conversions agree with single ones, tails included", "[half]") {
  for (int64_t n : {0, 1, 7, 8, 15, 16, 17, 1000}) {
    std::vector<Half> h(n), back(n);
    std::vector<BFloat16> b(n), b_back(n);
    std::vector<float> f(n), g(n);
    for (int64_t i = 0; i < n; ++i)
      h[i] = Half::from_bits(static_cast<uint16_t>(i * 12347)), b[i] = BFloat16::from_bits(h[i].bits);
    plait::to_float(h.data(), f.data(), n);
    plait::from_float(f.data(), back.data(), n);
    plait::to_float(b.data(), g.data(), n);
    plait::from_float(g.data(), b_back.data(), n);
    for (int64_t i = 0; i < n; ++i) {
      REQUIRE(same(f[i], h[i]));
      REQUIRE(same(g[i], b[i]));
      REQUIRE(back[i].bits == Half(f[i]).bits);
      REQUIRE(b_back[i].bits == BFloat16(g[i]).bits);
    }
  }
}
