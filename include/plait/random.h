// Random numbers. Part of plait/extension.h.
//
//   const Draw draw(generator);                 // moves the generator on by one
//   x[i] = draw.uniform<float>(i);              // any i, in any thread and order: the bits depend on i alone
#pragma once

#include "plait/op.h"
#include "plait/philox.h"

namespace plait {
inline namespace v1 {

// Seeds the default generator.
inline void manual_seed(uint64_t seed) { detail::check_status(api().manual_seed(nullptr, seed)); }

// A generator of one's own. It lives as long as this object.
class OwnGenerator {
 public:
  explicit OwnGenerator(uint64_t seed) {
    detail::check_status(api().generator_new(&generator_.handle));
    detail::check_status(api().manual_seed(generator_.handle, seed));
  }
  ~OwnGenerator() { api().generator_release(generator_.handle); }
  OwnGenerator(const OwnGenerator&) = delete;
  OwnGenerator& operator=(const OwnGenerator&) = delete;
  operator Generator() const { return generator_; }

 private:
  Generator generator_;
};

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
  // f(i, bits(i)) for every i in [begin, end), in order; ten times as fast as asking one by one.
  template <class F>
  void each(int64_t begin, int64_t end, const F& f) const {
    constexpr int kBlocks = 64;
    for (int64_t first = begin / 4; 4 * first < end; first += kBlocks) {
      uint32_t words[4][kBlocks];
#pragma GCC ivdep
      for (int k = 0; k < kBlocks; ++k) {
        const PhiloxBlock block = philox(seed_, offset_, static_cast<uint64_t>(first + k));
        for (int j = 0; j < 4; ++j) words[j][k] = block.v[j];
      }
      const int64_t from = begin > 4 * first ? begin - 4 * first : 0;
      const int64_t to = end - 4 * first < 4 * kBlocks ? end - 4 * first : 4 * kBlocks;
      for (int64_t k = from; k < to; ++k) f(4 * first + k, words[k % 4][k / 4]);
    }
  }
  // The number in [0, 1) that `bits` of an element stand for.
  template <class T = float>
  static T to_uniform(uint32_t bits) {
    return uniform_from_bits<T>(bits);
  }
  uint64_t below(int64_t i, uint64_t range) const {
    return philox_bounded(seed_, offset_, static_cast<uint64_t>(i), range);
  }

 private:
  uint64_t seed_ = 0, offset_ = 0;
};

}  // namespace v1
}  // namespace plait
