// Sorting within a block: thread t holds the items from t * kItems on, before and after.
#pragma once

#include "emulator/cub_sort.h"

namespace cub {

template <class Key, int kThreads, int kItems, class Value = NullType>
class BlockRadixSort {
 public:
  struct TempStorage {
    Key keys[kThreads * kItems];
    Value values[kThreads * kItems];
  };
  explicit BlockRadixSort(TempStorage& storage) : storage_(storage) {}

  void Sort(Key (&keys)[kItems], int begin_bit = 0, int end_bit = int(8 * sizeof(Key))) {
    sort(keys, nullptr, false, begin_bit, end_bit);
  }
  void Sort(Key (&keys)[kItems], Value (&values)[kItems], int begin_bit = 0,
            int end_bit = int(8 * sizeof(Key))) {
    sort(keys, values, false, begin_bit, end_bit);
  }
  void SortDescending(Key (&keys)[kItems], int begin_bit = 0, int end_bit = int(8 * sizeof(Key))) {
    sort(keys, nullptr, true, begin_bit, end_bit);
  }
  void SortDescending(Key (&keys)[kItems], Value (&values)[kItems], int begin_bit = 0,
                      int end_bit = int(8 * sizeof(Key))) {
    sort(keys, values, true, begin_bit, end_bit);
  }

 private:
  void sort(Key* keys, Value* values, bool descending, int begin_bit, int end_bit) {
    const size_t first = size_t(emulator::thread_rank) * kItems;
    std::copy(keys, keys + kItems, storage_.keys + first);
    if (values) std::copy(values, values + kItems, storage_.values + first);
    __syncthreads();
    if (first == 0) {
      const std::vector<Key> from(storage_.keys, storage_.keys + kThreads * kItems);
      const std::vector<Value> moved(storage_.values, storage_.values + kThreads * kItems);
      emulator::radix_sort(from.data(), storage_.keys, moved.data(), storage_.values, from.size(), descending,
                           begin_bit, end_bit);
    }
    __syncthreads();
    std::copy(storage_.keys + first, storage_.keys + first + kItems, keys);
    if (values) std::copy(storage_.values + first, storage_.values + first + kItems, values);
  }

  TempStorage& storage_;
};

}  // namespace cub
