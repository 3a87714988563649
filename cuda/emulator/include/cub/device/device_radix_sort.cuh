// Sorting of whole arrays by the bits of the keys.
#pragma once

#include "emulator/cub_sort.h"

// clang-format off
#define EMULATOR_RADIX_SORT(Keys, Pairs, descending)                                                      \
  template <class Key, class Count>                                                                       \
  static cudaError_t Keys(void* scratch, size_t& bytes, const Key* keys, Key* sorted_keys, Count n,       \
        int begin_bit = 0, int end_bit = int(8 * sizeof(Key)), cudaStream_t stream = 0) {                 \
    constexpr NullType* none = nullptr;                                                                   \
    return emulator::sort_arrays(kName #Keys, scratch, bytes, keys, sorted_keys, none, none, int64_t(n),  \
          emulator::SortRange{descending, begin_bit, end_bit}, emulator::one_segment(int64_t(n)), stream);\
  }                                                                                                       \
  template <class Key, class Count>                                                                       \
  static cudaError_t Keys(void* scratch, size_t& bytes, DoubleBuffer<Key>& keys, Count n,                 \
        int begin_bit = 0, int end_bit = int(8 * sizeof(Key)), cudaStream_t stream = 0) {                 \
    DoubleBuffer<NullType> none;                                                                          \
    return emulator::sort_buffers(kName #Keys, scratch, bytes, keys, none, int64_t(n),                    \
          emulator::SortRange{descending, begin_bit, end_bit}, emulator::one_segment(int64_t(n)), stream);\
  }                                                                                                       \
  template <class Key, class Value, class Count>                                                          \
  static cudaError_t Pairs(void* scratch, size_t& bytes, const Key* keys, Key* sorted_keys,               \
        const Value* values, Value* sorted_values, Count n, int begin_bit = 0,                            \
        int end_bit = int(8 * sizeof(Key)), cudaStream_t stream = 0) {                                    \
    return emulator::sort_arrays(kName #Pairs, scratch, bytes, keys, sorted_keys, values, sorted_values,  \
          int64_t(n), emulator::SortRange{descending, begin_bit, end_bit},                                \
          emulator::one_segment(int64_t(n)), stream);                                                     \
  }                                                                                                       \
  template <class Key, class Value, class Count>                                                          \
  static cudaError_t Pairs(void* scratch, size_t& bytes, DoubleBuffer<Key>& keys,                         \
        DoubleBuffer<Value>& values, Count n, int begin_bit = 0, int end_bit = int(8 * sizeof(Key)),      \
        cudaStream_t stream = 0) {                                                                        \
    return emulator::sort_buffers(kName #Pairs, scratch, bytes, keys, values, int64_t(n),                 \
          emulator::SortRange{descending, begin_bit, end_bit}, emulator::one_segment(int64_t(n)), stream);\
  }
// clang-format on

namespace cub {

struct DeviceRadixSort {
#define kName "cub::DeviceRadixSort::"
  EMULATOR_RADIX_SORT(SortKeys, SortPairs, false)
  EMULATOR_RADIX_SORT(SortKeysDescending, SortPairsDescending, true)
#undef kName
};

}  // namespace cub

#undef EMULATOR_RADIX_SORT
