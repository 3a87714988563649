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

// Of blocks of halves there are vectors (core/half_blocks.h), which the loops of functions would store
// once more.
PLAIT_INLINE void halves_block(const Half* from, float* to, int64_t n) { half_to_float(from, to, n); }
PLAIT_INLINE void halves_block(const float* from, Half* to, int64_t n) { float_to_half(from, to, n); }
template <class To, class From>
void convert_halves(char* const* data, const int64_t* strides, int64_t n, const void*) {
  const bool repeated = strides[1] == 0;
  halves_block(reinterpret_cast<const From*>(data[1]), reinterpret_cast<To*>(data[0]), repeated ? 1 : n);
  if (repeated) strided_copy(sizeof(To))(data[0], sizeof(To), data[0], 0, n);
}

// Elements of one dtype are copied (StridedIter::copy).
template <class To, class From>
constexpr Loop convert_loop() {
  if constexpr (std::is_same_v<To, From>)
    return nullptr;
  else if constexpr (requires(const From* from, To* to) { halves_block(from, to, int64_t{}); })
    return &convert_halves<To, From>;
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
