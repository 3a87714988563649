// Vectors of small elements in whole registers.
#pragma once

#include "cuda/device/numeric.cuh"

namespace plait::cuda {

// W elements as they are loaded. Those of less than 4 bytes stay in whole registers until they are computed
// with; where the two ways of loading below meet, each would have to be cut out of its register otherwise.
template <class T, int W>
struct Raw {
  static constexpr bool kPacked = sizeof(T) < 4 && sizeof(T) * W >= 4;
  static constexpr int kPerWord = kPacked ? 4 / static_cast<int>(sizeof(T)) : 1;
  using Word = std::conditional_t<kPacked, uint32_t, T>;
  Vector<Word, W / kPerWord> words;

  __device__ __forceinline__ void load(const char* from) {
#ifdef __CUDA_ARCH__
    words = *reinterpret_cast<const decltype(words)*>(from);
#else
    __builtin_memcpy(static_cast<void*>(&words), from, sizeof(words));
#endif
  }
  __device__ __forceinline__ void fill(T element) {
    Word word;
    if constexpr (kPacked)
      word = static_cast<uint32_t>(__builtin_bit_cast(bits_t<sizeof(T)>, element)) *
             (sizeof(T) == 1 ? 0x01010101u : 0x00010001u);
    else
      word = element;
#pragma unroll
    for (int i = 0; i < W / kPerWord; ++i) words.at[i] = word;
  }
  __device__ __forceinline__ T at(int i) const {
    if constexpr (kPacked) {
      constexpr int bits = 8 * static_cast<int>(sizeof(T));
      return __builtin_bit_cast(
          T, static_cast<bits_t<sizeof(T)>>(words.at[i / kPerWord] >> (i % kPerWord * bits)));
    } else {
      return words.at[i];
    }
  }
};

}  // namespace plait::cuda
