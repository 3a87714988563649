// Sorting as CUB's radix sort does: stable, by the bits of the keys.
#pragma once

#include <algorithm>
#include <bit>
#include <numeric>

#include "cub/util_type.cuh"

namespace emulator {

template <size_t bytes>
using Bits = std::conditional_t<
    bytes == 1, uint8_t,
    std::conditional_t<bytes == 2, uint16_t, std::conditional_t<bytes == 4, uint32_t, uint64_t>>>;

// The key's bits, so that their unsigned order is the keys': -0 and 0 are equal, NaN is beyond infinity of
// its sign.
template <class Key>
uint64_t radix_bits(Key key, int begin_bit, int end_bit) {
  static_assert(std::is_arithmetic_v<Key>, "CUB sorts numbers by their bits: give it an unsigned type");
  using U = Bits<sizeof(Key)>;
  constexpr U kSign = U(U(1) << (8 * sizeof(Key) - 1));
  U bits = std::bit_cast<U>(key);
  if constexpr (std::is_floating_point_v<Key>) {
    if (bits == kSign) bits = 0;
    bits = bits & kSign ? U(~bits) : U(bits | kSign);
  } else if constexpr (std::is_signed_v<Key>) {
    bits = U(bits ^ kSign);
  }
  const int width = end_bit - begin_bit;
  if (width <= 0) return 0;
  const uint64_t mask = width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  return uint64_t(bits) >> begin_bit & mask;
}

// to[i] = from[order[i]]
template <class From, class To>
void permute(From from, To to, const std::vector<size_t>& order) {
  for (size_t i = 0; i < order.size(); ++i) to[i] = from[order[i]];
}

// The key and the value are arrays of n; without values, Value is NullType.
template <class Key, class Value>
void radix_sort(const Key* keys, Key* sorted_keys, const Value* values, Value* sorted_values, size_t n,
                bool descending, int begin_bit, int end_bit) {
  std::vector<std::pair<uint64_t, size_t>> tagged(n);
  for (size_t i = 0; i < n; ++i) tagged[i] = {radix_bits(keys[i], begin_bit, end_bit), i};
  std::stable_sort(tagged.begin(), tagged.end(), [descending](const auto& a, const auto& b) {
    return descending ? b.first < a.first : a.first < b.first;
  });
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = tagged[i].second;
  permute(keys, sorted_keys, order);
  if constexpr (!std::is_same_v<Value, cub::NullType>) permute(values, sorted_values, order);
}

struct SortRange {
  bool descending;
  int begin_bit, end_bit;
};

template <class Key, class Value>
size_t sort_scratch(int64_t n) {
  return size_t(n) * (sizeof(Key) + (std::is_same_v<Value, cub::NullType> ? 0 : sizeof(Value)));
}

template <class Key>
bool is_range(const SortRange& range, int64_t n) {
  return n >= 0 && range.begin_bit >= 0 && range.begin_bit <= range.end_bit &&
         range.end_bit <= int(8 * sizeof(Key));
}

// Sorts whole arrays, or each of the segments.
template <class Key, class Value, class Segments>
cudaError_t sort_arrays(const char* name, void* scratch, size_t& scratch_bytes, const Key* keys,
                        Key* sorted_keys, const Value* values, Value* sorted_values, int64_t n,
                        SortRange range, Segments segments, cudaStream_t stream) {
  if (!is_range<Key>(range, n)) return cudaErrorInvalidValue;
  if (n > 0 && (is_same_array(keys, sorted_keys) || is_same_array(values, sorted_values)))
    return cudaErrorInvalidValue;
  return cub_algorithm(name, scratch, scratch_bytes, sort_scratch<Key, Value>(n), stream, [=] {
    segments([&](size_t begin, size_t end) {
      if (begin >= end) return;
      const Value* from = values ? values + begin : nullptr;
      Value* to = sorted_values ? sorted_values + begin : nullptr;
      radix_sort(keys + begin, sorted_keys + begin, from, to, end - begin, range.descending, range.begin_bit,
                 range.end_bit);
    });
  });
}

// The result goes to the other array of each buffer, so that code which expects it in place fails here.
template <class Key, class Value, class Segments>
cudaError_t sort_buffers(const char* name, void* scratch, size_t& scratch_bytes, cub::DoubleBuffer<Key>& keys,
                         cub::DoubleBuffer<Value>& values, int64_t n, SortRange range, Segments segments,
                         cudaStream_t stream) {
  const cudaError_t status = sort_arrays(name, scratch, scratch_bytes, keys.Current(), keys.Alternate(),
                                         values.Current(), values.Alternate(), n, range, segments, stream);
  if (scratch && status == cudaSuccess) {
    keys.selector ^= 1;
    values.selector ^= 1;
  }
  return status;
}

inline auto one_segment(int64_t n) {
  return [n](auto f) { f(size_t(0), size_t(n)); };
}

template <class Begins, class Ends>
auto many_segments(int64_t count, Begins begins, Ends ends) {
  return [=](auto f) {
    for (int64_t i = 0; i < count; ++i) f(size_t(begins[i]), size_t(ends[i]));
  };
}

}  // namespace emulator
