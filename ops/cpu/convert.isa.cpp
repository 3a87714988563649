#include "ops/cpu/convert.h"
#include "ops/cpu/loops.h"

namespace plait::cpu {
namespace {

template <class To>
struct Convert {
  template <class V>
  PLAIT_INLINE number_t<To> operator()(V v) const {
    if constexpr (std::is_same_v<To, bool>)
      return v != V(0);
    else if constexpr (std::is_integral_v<To> && sizeof(To) < 4 && std::is_floating_point_v<V>)
      return static_cast<To>(static_cast<int32_t>(v));  // wraps, as the other integer conversions do
    else
      return static_cast<number_t<To>>(v);
  }
  template <class T>
  PLAIT_INLINE number_t<To> operator()(Pair<T> z) const {
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

// Elements of one dtype are copied (StridedIter::copy).
template <class To, class From>
constexpr Loop convert_loop() {
  if constexpr (std::is_same_v<To, From>)
    return nullptr;
  else
    return &elementwise<Convert<To>, To, From>;
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
