// Random numbers by counter: Philox4x32-10 addressed by (seed, offset, element), so that the bits depend
// neither on the number of threads nor on the device. A generator hands out offsets; each random op takes one
// for all of its elements.
#pragma once

#include <cstdint>
#include <mutex>

#include "core/export.h"
#include "core/intrusive.h"

namespace plait {

class PLAIT_API GeneratorImpl final : public RefCounted {
 public:
  static constexpr uint64_t kDefaultSeed = 67280421310721ull;

  explicit GeneratorImpl(uint64_t seed = kDefaultSeed) : seed_(seed) {}
  static void destroy(GeneratorImpl* generator) noexcept { delete generator; }

  struct Draw {
    uint64_t seed, offset;
  };
  // The address of one op's random numbers. Each call moves on by one.
  Draw next() {
    std::lock_guard lock(mutex_);
    return {seed_, offset_++};
  }
  Draw state() const {
    std::lock_guard lock(mutex_);
    return {seed_, offset_};
  }
  void set_state(Draw state) {
    std::lock_guard lock(mutex_);
    seed_ = state.seed;
    offset_ = state.offset;
  }

 private:
  mutable std::mutex mutex_;
  uint64_t seed_;
  uint64_t offset_ = 0;
};

using Generator = Ref<GeneratorImpl>;

PLAIT_API Generator& default_generator();
inline GeneratorImpl::Draw next_draw(const Generator& generator) {
  return generator ? generator->next() : default_generator()->next();
}

}  // namespace plait
