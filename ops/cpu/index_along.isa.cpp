#include "ops/cpu/index_along.h"

#include "plait/inline.h"

namespace plait::cpu {
namespace {

struct Bits128 {
  uint64_t low, high;
};

bool inside(const int64_t* index, int64_t n, int64_t size) {
  int64_t outside = 0;  // negative as soon as an index is negative or at least `size`
  for (int64_t i = 0; i < n; ++i) outside |= index[i] | (size - 1 - index[i]);
  return outside >= 0;
}

// A check for each index, beside the memory traffic, is free; a pass of checks before the loop is not.
PLAIT_INLINE bool is_inside(int64_t index, int64_t size) {
  return static_cast<uint64_t>(index) < static_cast<uint64_t>(size);
}

template <class U>
bool gather(void* out, const int64_t* index, int64_t n, const void* row, int64_t size, int64_t step) {
  U* to = static_cast<U*>(out);
  const U* from = static_cast<const U*>(row);
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = index[i];
    if (!is_inside(at, size)) [[unlikely]]
      return false;
    to[i] = from[at * step];
  }
  return true;
}

template <class T>
bool add(void* out, const int64_t* index, int64_t n, const void* src, int64_t size) {
  T* to = static_cast<T*>(out);
  const T* from = static_cast<const T*>(src);
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) {
    if (!is_inside(index[i], size)) [[unlikely]]
      return false;
    T& at = to[index[i]];
    if constexpr (std::is_same_v<T, bool>)
      at = at || from[i];
    else
      at = static_cast<T>(static_cast<compute_t<T>>(at) + static_cast<compute_t<T>>(from[i]));
  }
  return true;
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
