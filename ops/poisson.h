// One Poisson number, for the host and the device.
#pragma once

#include <cmath>
#include <cstdint>

#include "plait/inline.h"
#include "plait/philox.h"

namespace plait {

// The uniform numbers of element `element` of a draw: two a Philox block, block k at index k 2^40 + element,
// so that elements share none (tensors have fewer than 2^40 elements, an element takes fewer than 2^24
// blocks).
class PoissonBits {
 public:
  PLAIT_HD PoissonBits(uint64_t seed, uint64_t offset, uint64_t element)
      : seed_(seed),
        offset_(offset),
        index_(element) {}

  // In [0, 1).
  PLAIT_HD double uniform() {
    if (left_ == 0) {
      block_ = philox(seed_, offset_, index_);
      index_ += uint64_t{1} << 40;
      left_ = 2;
    }
    --left_;
    const uint64_t low = block_.v[2 * left_], high = block_.v[2 * left_ + 1];
    return static_cast<double>((high << 32 | low) >> 11) * 0x1p-53;
  }

 private:
  uint64_t seed_, offset_, index_;
  PhiloxBlock block_{};
  int left_ = 0;
};

// Rates below 10: uniform numbers are multiplied until the product falls below exp(-rate) (Knuth). From 10
// on: transformed rejection, PTRS (Hoermann, "The transformed rejection method for generating Poisson random
// variables", 1993), 1.1 to 1.2 pairs of uniform numbers each. A rate that is negative or NaN gives NaN.
PLAIT_HD inline double poisson_number(double rate, uint64_t seed, uint64_t offset, uint64_t element) {
  if (!(rate >= 0)) return std::nan("");
  if (rate == 0) return 0;
  if (std::isinf(rate)) return rate;
  PoissonBits bits(seed, offset, element);
  if (rate < 10) {
    const double limit = std::exp(-rate);
    double product = bits.uniform();
    int64_t count = 0;
    for (; product > limit; ++count) product *= bits.uniform();
    return static_cast<double>(count);
  }
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = bits.uniform() - 0.5, v = 1 - bits.uniform();  // v in (0, 1]: log(v) is finite
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
        k * log_rate - rate - std::lgamma(k + 1))
      return k;
  }
}

}  // namespace plait
