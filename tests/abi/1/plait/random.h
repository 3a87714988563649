// Random numbers. Part of plait/extension.h.
//
//   const Draw draw(generator);                 // moves the generator on by one
//   x[i] = draw.uniform<float>(i);              // any i, in any thread and order: the bits depend on i alone
#pragma once

#include "plait/op.h"
#include "plait/philox.h"

namespace plait {
inline namespace v1 {

// The random numbers of one op's call, by element.
class Draw {
 public:
  explicit Draw(Generator generator = {}) {
    detail::check_status(api().draw(generator.handle, &seed_, &offset_));
  }
  uint32_t bits(int64_t i) const { return philox_bits32(seed_, offset_, static_cast<uint64_t>(i)); }
  // In [0, 1).
  template <class T = float>
  T uniform(int64_t i) const {
    if constexpr (sizeof(T) == 8)
      return uniform_from_bits(philox_bits64(seed_, offset_, static_cast<uint64_t>(i)));
    else
      return uniform_from_bits<T>(bits(i));
  }
  // Mean 0, standard deviation 1 (Box and Muller, 1958), from a block of four words of its own.
  template <class T = float>
  T normal(int64_t i) const {
    const PhiloxBlock block = philox(seed_, offset_, static_cast<uint64_t>(i));
    const double radius = __builtin_sqrt(
        -2 * __builtin_log(positive_uniform_from_bits(uint64_t{block.v[1]} << 32 | block.v[0])));
    const double angle = uniform_from_bits(uint64_t{block.v[3]} << 32 | block.v[2]) * 6.283185307179586;
    return static_cast<T>(radius * __builtin_cos(angle));
  }
  bool bernoulli(int64_t i, double p) const { return uniform<double>(i) < p; }
  uint64_t below(int64_t i, uint64_t range) const {
    return philox_bounded(seed_, offset_, static_cast<uint64_t>(i), range);
  }

 private:
  uint64_t seed_ = 0, offset_ = 0;
};

}  // namespace v1
}  // namespace plait
