// The exponential of attention's scores. For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include "ops/cpu/gemm_tile.h"

namespace plait::cpu {
namespace {

using V = Vec<float>;
constexpr int64_t kLane = kLanes<float>;
constexpr float kLog2E = 1.44269504f;

// 2^x for x <= 0: to 1 ULP, 0 below 2^-126 and for -inf. NaN comes through.
PLAIT_INLINE V exp2_weight(V x) {
  typedef int32_t Bits __attribute__((vector_size(kVectorBytes)));
  constexpr float kLeast = -127;  // whose power's exponent has the bits of zero
  // Rounds to an integer, which then stands in the low bits with the exponent's bias added.
  constexpr float kRound = 0x1.8p23f + 127;
  x = x < kLeast ? splat(kLeast) : x;
  const V rounded = x + kRound;
  const V r = x - (rounded - kRound);
  // (2^r - 1) / r for |r| <= 1/2, as vec::exp2's.
  V y = r * 0.000154700116f + 0.00133910973f;
  y = r * y + 0.00961802993f;
  y = r * y + 0.0555035658f;
  y = r * y + 0.240226507f;
  y = r * y + 0.693147182f;
  y = r * y + 1.0f;
  return y * __builtin_bit_cast(V, __builtin_bit_cast(Bits, rounded) << 23);
}

}  // namespace
}  // namespace plait::cpu
