#include "cuda/kernels/convert.h"

#include "cuda/device/elementwise.cuh"
#include "cuda/kernels/transpose.h"

namespace plait::cuda {
namespace {

using Launcher = void (*)(const ElementwisePlan&, const void*);

// A kernel serves all pairs of dtypes with elements of the same two sizes, as a family: 25 kernels for 196
// pairs, each at full speed.
template <class... T>
struct Types {};
template <size_t Bytes>
struct OfSize;
template <>
struct OfSize<1> {
  using types = Types<bool, uint8_t, int8_t, Float8E4M3FN, Float8E5M2>;
};
template <>
struct OfSize<2> {
  using types = Types<int16_t, Half, BFloat16>;
};
template <>
struct OfSize<4> {
  using types = Types<int32_t, float>;
};
template <>
struct OfSize<8> {
  using types = Types<int64_t, double, complex64>;
};
template <>
struct OfSize<16> {
  using types = Types<complex128>;
};

struct Same {
  template <class Bits>
  __device__ Bits operator()(Bits x) const {
    return x;
  }
};
template <class To, class From>
struct ConvertBits {
  __device__ bits_t<sizeof(To)> operator()(bits_t<sizeof(From)> x) const {
    // A conversion of an integer takes four times as long as an addition. Above 2^23 a float's last bits
    // count ones.
    if constexpr (std::is_same_v<To, float> && std::is_same_v<From, uint8_t>)
      return __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, 0x4b000000u | x) - 0x1p23f);
    const To y = convert<To>(__builtin_bit_cast(From, x));
    return __builtin_bit_cast(bits_t<sizeof(To)>, y);
  }
};

template <size_t ToBytes, size_t FromBytes>
struct ConvertFamily {
  DType to, from;

  template <class To, class Body, class... From>
  __device__ void select_from(const Body& body, Types<From...>) const {
    ((from == dtype_of<From> ? body(ConvertBits<device_t<To>, device_t<From>>{}) : void()), ...);
  }
  template <class Body, class... To>
  __device__ void select_to(const Body& body, Types<To...>) const {
    ((to == dtype_of<To> ? select_from<To>(body, typename OfSize<FromBytes>::types{}) : void()), ...);
  }
  template <class Body>
  __device__ void select(const Body& body) const {
    if constexpr (ToBytes == FromBytes)
      if (to == from) return body(Same{});
    select_to(body, typename OfSize<ToBytes>::types{});
  }
};

template <size_t Bytes>
struct FillBits {
  bits_t<Bytes> bits;
  __device__ bits_t<Bytes> operator()() const { return bits; }
};

// A number goes out as the bits that the dtype has for it.
template <size_t Bytes>
void fill(const ElementwisePlan& plan, DType dtype) {
  FillBits<Bytes> f{};
  visit_stored(dtype, [&]<class T>() {
    using D = device_t<T>;
    if constexpr (sizeof(D) == Bytes) {
      const D value = static_cast<D>(number_as<D>(plan.numbers[1]));
      __builtin_memcpy(static_cast<void*>(&f.bits), &value, Bytes);
    }
  });
  ElementwisePlan only_out = plan;
  only_out.operands = 1;
  elementwise<bits_t<Bytes>>(only_out, f);
}

template <DType To, DType From>
void convert_elements(const ElementwisePlan& plan, const void*) {
  constexpr size_t to_bytes = itemsize(To), from_bytes = itemsize(From);
  if (!plan.data[1]) return fill<to_bytes>(plan, To);
  if (To == From && plan.strides[0][0] == static_cast<int64_t>(to_bytes) && is_transposed(plan, 1, to_bytes))
    return copy_transposed(plan, to_bytes);
  elementwise<bits_t<to_bytes>, bits_t<from_bytes>>(plan, ConvertFamily<to_bytes, from_bytes>{To, From});
}

template <DType To>
Launcher from(DType dtype) {
  return visit_stored(dtype, []<class From>() -> Launcher { return &convert_elements<To, dtype_of<From>>; });
}

}  // namespace

Launcher converter(DType to, DType dtype) {
  return visit_stored(to, [&]<class To>() -> Launcher { return from<dtype_of<To>>(dtype); });
}

}  // namespace plait::cuda
