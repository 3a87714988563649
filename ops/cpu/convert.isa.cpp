#include "ops/cpu/convert.h"
#include "ops/cpu/blocks.h"

namespace plait::cpu {
namespace {

template <class To>
struct Convert {
  template <class V>
  PLAIT_INLINE compute_t<To> operator()(V v) const {
    if constexpr (std::is_same_v<To, bool>)
      return v != V(0);
    else if constexpr (std::is_integral_v<To> && sizeof(To) < 4 && std::is_floating_point_v<V>)
      return static_cast<To>(static_cast<int32_t>(v));  // wraps, as the other integer conversions do
    else
      return static_cast<compute_t<To>>(v);
  }
  template <class T>
  PLAIT_INLINE compute_t<To> operator()(Pair<T> z) const {
    if constexpr (std::is_same_v<To, bool>)
      return (z.re != T(0)) | (z.im != T(0));
    else
      return (*this)(z.re);
  }
};
template <class T>
struct Convert<std::complex<T>> {
  template <class V>
  PLAIT_INLINE Pair<T> operator()(V v) const {
    return {static_cast<T>(v), T(0)};
  }
  template <class V>
  PLAIT_INLINE Pair<T> operator()(Pair<V> z) const {
    return {static_cast<T>(z.re), static_cast<T>(z.im)};
  }
};

// Elements of one dtype are moved as bits.
struct Move {
  template <class T>
  T operator()(T v) const {
    return v;
  }
};
struct Bits128 {
  uint64_t low, high;
};
template <class T>
void move(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  if (strides[0] == sizeof(T) && strides[1] == -static_cast<int64_t>(sizeof(T))) {  // flipped
    auto* to = reinterpret_cast<T*>(data[0]);
    const auto* from = reinterpret_cast<const T*>(data[1]);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) to[i] = from[-i];
  } else {
    elementwise<Move, T, T>(data, strides, n, params);
  }
}

template <class To, class From>
constexpr Loop convert_loop() {
  if constexpr (std::is_same_v<From, bool> && !std::is_same_v<To, bool>)
    return convert_loop<To, uint8_t>();  // the same numbers, and bytes are vector elements
  else if constexpr (!std::is_same_v<To, From>)
    return cheap<Convert<To>, To, From>();
  else if constexpr (sizeof(To) == 1)
    return &move<uint8_t>;
  else if constexpr (sizeof(To) == 2)
    return &move<uint16_t>;
  else if constexpr (sizeof(To) == 4)
    return &move<uint32_t>;
  else if constexpr (sizeof(To) == 8)
    return &move<uint64_t>;
  else
    return &move<Bits128>;
}

template <class To, class... From>
constexpr void fill_to(ConvertTable& table) {
  ((table.loop[static_cast<int>(dtype_of<To>)][static_cast<int>(dtype_of<From>)] = convert_loop<To, From>()),
   ...);
}
template <class... T>
constexpr ConvertTable make_table() {
  ConvertTable table{};
  (fill_to<T, T...>(table), ...);
  return table;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ConvertTable convert_table =
    make_table<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, complex64,
               complex128, Float8E4M3FN, Float8E5M2>();
}

}  // namespace plait::cpu
