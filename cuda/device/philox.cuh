// plait/philox.h for kernels, in fewer instructions.
#pragma once

#include <cuda_runtime.h>

#include "cuda/runtime/random_state.h"
#include "plait/philox.h"

namespace plait::cuda {

// The values of a key in all rounds, and the counter's half that all blocks of an op share.
struct PhiloxKeys {
  uint32_t k0[philox_detail::kRounds], k1[philox_detail::kRounds];
  uint32_t c2, c3;

  PLAIT_INLINE explicit PhiloxKeys(const PhiloxKey& key)
      : c2(static_cast<uint32_t>(key.offset)),
        c3(static_cast<uint32_t>(key.offset >> 32)) {
    uint32_t a = static_cast<uint32_t>(key.seed), b = static_cast<uint32_t>(key.seed >> 32);
#ifdef __CUDA_ARCH__  // g++, which compiles this too, has no such pragma
#pragma unroll
#endif
    for (int r = 0; r < philox_detail::kRounds; ++r) {
      k0[r] = a, k1[r] = b;
      a += philox_detail::kWeyl0, b += philox_detail::kWeyl1;
    }
  }
};

// What a kernel takes for a key. Outside of captured graphs its values come as arguments, which instructions
// read as operands: they cost none. A captured kernel computes them from the words of RandomState.
struct ReadyKeys {
  PhiloxKeys keys;
  __device__ __forceinline__ const PhiloxKeys& get() const { return keys; }
};
struct CapturedKeys {
  RandomState state;
  __device__ __forceinline__ PhiloxKeys get() const { return PhiloxKeys(state.key()); }
};
template <class F>
void with_keys(const RandomState& state, const F& f) {
  if (state.extra)
    f(CapturedKeys{state});
  else
    f(ReadyKeys{PhiloxKeys(state.key())});
}

// The block of index high << 32 | low, as philox() gives it. nvcc takes two instructions more for each of the
// 20 products when they are written as products of 64-bit numbers. Blocks of one `high` share the first
// product and one of the second round.
__device__ __forceinline__ PhiloxBlock philox_block(const PhiloxKeys& keys, uint32_t low, uint32_t high) {
  using namespace philox_detail;
  const auto multiply = [](uint32_t a, uint32_t b, uint32_t& upper) {
    uint64_t product;
#ifdef __CUDA_ARCH__
    asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
#else
    product = uint64_t{a} * b;
#endif
    upper = static_cast<uint32_t>(product >> 32);
    return static_cast<uint32_t>(product);
  };
  uint32_t c0 = low, c1 = high, c2 = keys.c2, c3 = keys.c3;
#pragma unroll
  for (int r = 0; r < kRounds; ++r) {
    uint32_t high0, high1;
    const uint32_t low0 = multiply(kMultiplier0, c0, high0), low1 = multiply(kMultiplier1, c2, high1);
    c0 = high1 ^ c1 ^ keys.k0[r];
    c2 = high0 ^ c3 ^ keys.k1[r];
    c1 = low1;
    c3 = low0;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace plait::cuda
