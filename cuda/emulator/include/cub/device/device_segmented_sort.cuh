// Sorting within segments.
#pragma once

#include "emulator/cub_sort.h"

// clang-format off
#define EMULATOR_SEGMENTED_SORT(Keys, Pairs, descending)                                                \
  template <class Key, class Begins, class Ends>                                                        \
  static cudaError_t Keys(void* scratch, size_t& bytes, const Key* keys, Key* sorted_keys, int64_t n,   \
        int64_t segment_count, Begins begins, Ends ends, cudaStream_t stream = 0) {                     \
    constexpr NullType* none = nullptr;                                                                 \
    return emulator::sort_arrays(kName #Keys, scratch, bytes, keys, sorted_keys, none, none, int64_t(n),\
          emulator::SortRange{descending, 0, int(8 * sizeof(Key))},                                     \
          emulator::many_segments(int64_t(segment_count), begins, ends), stream);                       \
  }                                                                                                     \
  template <class Key, class Begins, class Ends>                                                        \
  static cudaError_t Keys(void* scratch, size_t& bytes, DoubleBuffer<Key>& keys, int64_t n,             \
        int64_t segment_count, Begins begins, Ends ends, cudaStream_t stream = 0) {                     \
    DoubleBuffer<NullType> none;                                                                        \
    return emulator::sort_buffers(kName #Keys, scratch, bytes, keys, none, int64_t(n),                  \
          emulator::SortRange{descending, 0, int(8 * sizeof(Key))},                                     \
          emulator::many_segments(int64_t(segment_count), begins, ends), stream);                       \
  }                                                                                                     \
  template <class Key, class Value, class Begins, class Ends>                                           \
  static cudaError_t Pairs(void* scratch, size_t& bytes, const Key* keys, Key* sorted_keys,             \
        const Value* values, Value* sorted_values, int64_t n, int64_t segment_count, Begins begins,     \
        Ends ends, cudaStream_t stream = 0) {                                                           \
    return emulator::sort_arrays(kName #Pairs, scratch, bytes, keys, sorted_keys, values, sorted_values,\
          int64_t(n), emulator::SortRange{descending, 0, int(8 * sizeof(Key))},                         \
          emulator::many_segments(int64_t(segment_count), begins, ends), stream);                       \
  }                                                                                                     \
  template <class Key, class Value, class Begins, class Ends>                                           \
  static cudaError_t Pairs(void* scratch, size_t& bytes, DoubleBuffer<Key>& keys,                       \
        DoubleBuffer<Value>& values, int64_t n, int64_t segment_count, Begins begins, Ends ends,        \
        cudaStream_t stream = 0) {                                                                      \
    return emulator::sort_buffers(kName #Pairs, scratch, bytes, keys, values, int64_t(n),               \
          emulator::SortRange{descending, 0, int(8 * sizeof(Key))},                                     \
          emulator::many_segments(int64_t(segment_count), begins, ends), stream);                       \
  }
// clang-format on

namespace cub {

struct DeviceSegmentedSort {
#define kName "cub::DeviceSegmentedSort::"
  EMULATOR_SEGMENTED_SORT(SortKeys, SortPairs, false)
  EMULATOR_SEGMENTED_SORT(SortKeysDescending, SortPairsDescending, true)
  EMULATOR_SEGMENTED_SORT(StableSortKeys, StableSortPairs, false)
  EMULATOR_SEGMENTED_SORT(StableSortKeysDescending, StableSortPairsDescending, true)
#undef kName
};

}  // namespace cub

#undef EMULATOR_SEGMENTED_SORT
