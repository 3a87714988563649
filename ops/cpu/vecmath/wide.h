// Exponential and logarithm in double with accuracy for float results (about 2^-33): where a float function
// would lose bits, going through these is cheaper than carrying two floats.
#pragma once

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/explog.h"

namespace plait::vec {
namespace {

// exp(x), |x| <= 700.
PLAIT_INLINE double exp_wide(double x) {
  const auto [r, rounded] = reduce_exp(x);
  const double tail = poly(r, 0.5000000046435368, 0.1666666681751456, 0.04166635417019658,
                           0.008333272910215005, 0.001394106409309758, 0.0001991426296101316);
  return (fma(r * r, tail, r) + 1.0) * power_of_two<0>(rounded);
}

// 2^x, |x| <= 1000.
PLAIT_INLINE double exp2_wide(double x) {
  const double rounded = x + Format<double>::kRound;
  const double r = x - (rounded - Format<double>::kRound);
  const double tail =
      poly(r, 0.693147180553629, 0.24022650925077058, 0.055504109295551704, 0.00961805608730136,
           0.0013333453659780923, 0.00015461680036097137, 1.531032498413277e-05);
  return fma(r, tail, 1.0) * power_of_two<0>(rounded);
}

// log(1 + f) of a reduced mantissa.
PLAIT_INLINE double log_mantissa_wide(double f) {
  const double s = f / (2.0 + f), z = s * s;
  return fma(s * z, poly(z, 0.666666656373791, 0.40000337208962716, 0.2853717006202465, 0.23584954429970306),
             s + s);
}

// log(x) and log2(x) of a positive normal number.
PLAIT_INLINE double log_wide(double x) {
  const Mantissa<double> m = split_mantissa(x);
  return fma(m.exponent, 0.6931471805599453, log_mantissa_wide(m.f));
}
PLAIT_INLINE double log2_wide(double x) {
  const Mantissa<double> m = split_mantissa(x);
  return fma(log_mantissa_wide(m.f), kLog2E<double>, m.exponent);
}

}  // namespace
}  // namespace plait::vec
