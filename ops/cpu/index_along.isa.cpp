#include "ops/cpu/index_along.h"

#include "core/inline.h"

namespace plait::cpu {
namespace {

constexpr int64_t kBlock = 512;  // indices that are checked at a time

struct Bits128 {
  uint64_t low, high;
};

// Negative where an index is negative or at least `size`.
PLAIT_INLINE bool block_inside(const int64_t* index, int64_t n, int64_t size) {
  int64_t outside = 0;
  for (int64_t i = 0; i < n; ++i) outside |= index[i] | (size - 1 - index[i]);
  return outside >= 0;
}

bool inside(const int64_t* index, int64_t n, int64_t size) { return block_inside(index, n, size); }

// Calls f(first, last) for blocks of indices that lie in [0, size).
template <class F>
PLAIT_INLINE bool over_blocks(const int64_t* index, int64_t n, int64_t size, const F& f) {
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = begin + kBlock < n ? begin + kBlock : n;
    if (!block_inside(index + begin, end - begin, size)) return false;
    f(begin, end);
  }
  return true;
}

template <class U>
bool gather(void* out, const int64_t* index, int64_t n, const void* row, int64_t size, int64_t step) {
  U* to = static_cast<U*>(out);
  const U* from = static_cast<const U*>(row);
  return over_blocks(
      index, n, size, [&](int64_t begin, int64_t end) __attribute__((always_inline)) {
        if (step == 1) {
#pragma GCC unroll 4
          for (int64_t i = begin; i < end; ++i) to[i] = from[index[i]];
        } else {
          for (int64_t i = begin; i < end; ++i) to[i] = from[index[i] * step];
        }
      });
}

template <class T>
bool add(void* out, const int64_t* index, int64_t n, const void* src, int64_t size) {
  T* to = static_cast<T*>(out);
  const T* from = static_cast<const T*>(src);
  return over_blocks(
      index, n, size, [&](int64_t begin, int64_t end) __attribute__((always_inline)) {
#pragma GCC unroll 4
        for (int64_t i = begin; i < end; ++i) {
          T& at = to[index[i]];
          if constexpr (std::is_same_v<T, bool>)
            at = at || from[i];
          else
            at = static_cast<T>(static_cast<compute_t<T>>(at) + static_cast<compute_t<T>>(from[i]));
        }
      });
}

template <class... T>
constexpr AlongTable make_table() {
  AlongTable table{
      &inside,
      {&gather<uint8_t>, &gather<uint16_t>, &gather<uint32_t>, &gather<uint64_t>, &gather<Bits128>},
      {}};
  ((table.add[static_cast<int>(dtype_of<T>)] = &add<T>), ...);
  return table;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const AlongTable along_table =
    make_table<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, complex64,
               complex128>();
}

}  // namespace plait::cpu
