// Sorting keys with their positions. Stable: equal keys keep their order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plait::cuda {

// Unsigned keys of 4 or 8 bytes with 4-byte values, fewer than 2^32 of them. Both come in two buffers; a sort
// reads the first and leaves its result in one of them, which is then the first.
template <class Key>
struct SortBuffers {
  Key *keys, *other_keys;
  uint32_t *values, *other_values;
};

// By the bits [0, bits) of the keys: passes over the data are of 8 bits each, or fewer.
void sort_pairs(SortBuffers<uint32_t>& buffers, int64_t n, int bits);
void sort_pairs(SortBuffers<uint64_t>& buffers, int64_t n, int bits);

// How many bits the numbers below `bound` need.
constexpr int bits_below(uint64_t bound) {
  int bits = 0;
  while (bits < 64 && bound > uint64_t{1} << bits) ++bits;
  return bits;
}

}  // namespace plait::cuda
