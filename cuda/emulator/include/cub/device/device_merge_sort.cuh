// Sorting by a comparison.
#pragma once

#include <algorithm>

#include "emulator/cub_sort.h"

namespace cub {

struct DeviceMergeSort {
  template <class Keys, class Values, class Count, class Compare>
  static cudaError_t SortPairs(void* scratch, size_t& bytes, Keys keys, Values values, Count n,
                               Compare compare, cudaStream_t stream = 0) {
    return sort("cub::DeviceMergeSort::SortPairs", scratch, bytes, keys, values, keys, values, n, compare,
                stream);
  }
  template <class Keys, class Values, class Count, class Compare>
  static cudaError_t StableSortPairs(void* scratch, size_t& bytes, Keys keys, Values values, Count n,
                                     Compare compare, cudaStream_t stream = 0) {
    return sort("cub::DeviceMergeSort::StableSortPairs", scratch, bytes, keys, values, keys, values, n,
                compare, stream);
  }
  template <class KeysIn, class ValuesIn, class Keys, class Values, class Count, class Compare>
  static cudaError_t SortPairsCopy(void* scratch, size_t& bytes, KeysIn keys, ValuesIn values,
                                   Keys sorted_keys, Values sorted_values, Count n, Compare compare,
                                   cudaStream_t stream = 0) {
    return sort("cub::DeviceMergeSort::SortPairsCopy", scratch, bytes, keys, values, sorted_keys,
                sorted_values, n, compare, stream);
  }
  template <class Keys, class Count, class Compare>
  static cudaError_t SortKeys(void* scratch, size_t& bytes, Keys keys, Count n, Compare compare,
                              cudaStream_t stream = 0) {
    NullType* none = nullptr;
    return sort("cub::DeviceMergeSort::SortKeys", scratch, bytes, keys, none, keys, none, n, compare, stream);
  }
  template <class Keys, class Count, class Compare>
  static cudaError_t StableSortKeys(void* scratch, size_t& bytes, Keys keys, Count n, Compare compare,
                                    cudaStream_t stream = 0) {
    NullType* none = nullptr;
    return sort("cub::DeviceMergeSort::StableSortKeys", scratch, bytes, keys, none, keys, none, n, compare,
                stream);
  }
  template <class KeysIn, class Keys, class Count, class Compare>
  static cudaError_t StableSortKeysCopy(void* scratch, size_t& bytes, KeysIn keys, Keys sorted, Count n,
                                        Compare compare, cudaStream_t stream = 0) {
    NullType* none = nullptr;
    return sort("cub::DeviceMergeSort::StableSortKeysCopy", scratch, bytes, keys, none, sorted, none, n,
                compare, stream);
  }

 private:
  template <class KeysIn, class ValuesIn, class Keys, class Values, class Count, class Compare>
  static cudaError_t sort(const char* name, void* scratch, size_t& bytes, KeysIn keys, ValuesIn values,
                          Keys sorted_keys, Values sorted_values, Count count, Compare compare,
                          cudaStream_t stream) {
    using Key = emulator::ValueOf<KeysIn>;
    using Value = emulator::ValueOf<ValuesIn>;
    const size_t n = size_t(count);
    return emulator::cub_algorithm(
        name, scratch, bytes, emulator::sort_scratch<Key, Value>(int64_t(n)), stream, [=]() mutable {
          const std::vector<Key> from(keys, keys + n);
          std::vector<size_t> order(n);
          std::iota(order.begin(), order.end(), size_t(0));
          std::stable_sort(order.begin(), order.end(),
                           [&](size_t a, size_t b) { return compare(from[a], from[b]); });
          emulator::permute(from.data(), sorted_keys, order);
          if constexpr (!std::is_same_v<Value, NullType>) {
            const std::vector<Value> moved(values, values + n);
            emulator::permute(moved.data(), sorted_values, order);
          }
        });
  }
};

}  // namespace cub
