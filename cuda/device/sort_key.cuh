// Unsigned keys whose order is that of the values: NaN last, both zeros equal; inverted for a descending
// order. One kernel serves all dtypes of a size, with the differences in a few numbers.
#pragma once

#include <cuda_runtime.h>

#include "core/dtype.h"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

struct KeyRule {
  uint64_t sign = 0;      // the sign bit of floats and signed integers
  uint64_t infinity = 0;  // the bits of a float's infinity; 0: an integer
  uint64_t invert = 0;    // all bits of the key, for a descending order
  int bits = 0;           // of a key

  KeyRule() = default;
  KeyRule(DType dtype, bool descending)
      : bits(dtype == DType::Bool ? 1 : static_cast<int>(8 * itemsize(dtype))) {
    if (dtype != DType::Bool && dtype != DType::UInt8) sign = uint64_t{1} << (bits - 1);
    if (dtype == DType::Float16) infinity = 0x7c00;
    if (dtype == DType::BFloat16) infinity = 0x7f80;
    if (dtype == DType::Float32) infinity = 0x7f800000;
    if (dtype == DType::Float64) infinity = 0x7ff0000000000000;
    if (descending) invert = all();
  }
  __host__ __device__ uint64_t all() const { return ~uint64_t{0} >> (64 - bits); }
  __host__ __device__ bool is_nan(uint64_t key) const { return infinity && key == (all() ^ invert); }
};

// The key type of elements of some bytes.
template <size_t Bytes>
using sort_key_t = std::conditional_t<Bytes == 8, uint64_t, uint32_t>;

template <class Bits>
__device__ __forceinline__ sort_key_t<sizeof(Bits)> sort_key(Bits element, const KeyRule& rule) {
  using K = sort_key_t<sizeof(Bits)>;
  const K bits = static_cast<K>(element), sign = static_cast<K>(rule.sign), all = static_cast<K>(rule.all());
  K key = bits ^ sign;
  if (rule.infinity) {
    const K magnitude = bits & ~sign;
    if (magnitude > static_cast<K>(rule.infinity))
      key = all;
    else if (magnitude == 0)
      key = sign;
    else if (bits & sign)
      key = ~bits & all;
  }
  return (key ^ static_cast<K>(rule.invert)) & all;
}

}  // namespace plait::cuda
