#pragma once

#include "emulator/cub_support.h"

namespace cub {

struct NullType {};

// Two arrays: one holds the data, the other is room. A sort says by `selector` where its result is.
template <class T>
struct DoubleBuffer {
  T* d_buffers[2] = {nullptr, nullptr};
  int selector = 0;
  DoubleBuffer() = default;
  DoubleBuffer(T* current, T* alternate) : d_buffers{current, alternate} {}
  T* Current() { return d_buffers[selector]; }
  T* Alternate() { return d_buffers[selector ^ 1]; }
};

template <class Key, class Value>
struct KeyValuePair {
  using Key_ = Key;
  Key key;
  Value value;
  bool operator!=(const KeyValuePair& other) const { return key != other.key || value != other.value; }
};

}  // namespace cub
