// Sums, products, counts.
#include "cuda/device/reduce_kernel.cuh"
#include "cuda/kernels/reduce.h"

namespace plait::cuda {
namespace {

// bool is read as uint8: 0 and 1.
template <class T>
using element_t = std::conditional_t<std::is_same_v<T, bool>, uint8_t, device_t<T>>;

template <class T>
__device__ __forceinline__ T without_sign(T x) {
  return x < T(0) ? -x : x;
}

// Floats in their opmath type. A thread adds up what it reads by pairs, so that errors stay small.
template <class T>
struct SumOf {
  static constexpr bool kPair = false;
  using Element = T;
  using Lane = std::conditional_t<std::is_integral_v<T>, int64_t, opmath_t<T>>;
  using Acc = Lane;
  double divisor;
  bool magnitude;  // of floats
  bool wide;       // 16-bit floats go out as float32

  __device__ Lane start(int64_t) const { return Lane{}; }
  __device__ T neutral() const { return from_op<T>(opmath_t<T>{}); }
  // Short integers are added as int32 within a chunk.
  __device__ auto map(T x) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::conditional_t<sizeof(T) <= 2, int32_t, uint64_t>>(x);
    } else if constexpr (is_complex_type<T>) {
      return x;
    } else {
      const Lane value = to_op(x);
      return magnitude ? without_sign(value) : value;
    }
  }
  template <class V>
  __device__ V step(V a, V b) const {
    return a + b;
  }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    lane = merge(lane, static_cast<Lane>(fold_chunk(*this, x)));
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    else
      return a + b;
  }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    if constexpr (std::is_integral_v<T>) {
      reinterpret_cast<int64_t*>(out[0])[at] = acc;
    } else if constexpr (is_complex_type<T>) {
      using R = real_of<T>;
      reinterpret_cast<T*>(out[0])[at] = {static_cast<R>(acc.re / divisor), static_cast<R>(acc.im / divisor)};
    } else {
      const auto value = static_cast<Lane>(static_cast<double>(acc) / divisor);
      if (is_16bit_float<T> && wide)
        reinterpret_cast<Lane*>(out[0])[at] = value;
      else
        reinterpret_cast<T*>(out[0])[at] = from_op<T>(value);
    }
  }
};

template <class T>
struct NanSumOf : SumOf<T> {
  using Lane = typename SumOf<T>::Lane;
  __device__ Lane map(T x) const {
    const Lane value = to_op(x);
    return value == value ? value : Lane(0);
  }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    lane += fold_chunk(*this, x);
  }
};

// Floats are multiplied in double: an intermediate product does not overflow where the whole does not.
template <class T>
struct ProductOf {
  static constexpr bool kPair = false;
  using Element = T;
  using Lane = std::conditional_t<std::is_integral_v<T>, uint64_t,
                                  std::conditional_t<is_complex_type<T>, Complex<double>, double>>;
  using Acc = Lane;

  __device__ Lane start(int64_t) const { return Lane(1); }
  __device__ T neutral() const { return from_op<T>(opmath_t<T>(1)); }
  __device__ Lane map(T x) const {
    if constexpr (is_complex_type<T>)
      return {static_cast<double>(x.re), static_cast<double>(x.im)};
    else
      return static_cast<Lane>(to_op(x));
  }
  __device__ Lane step(Lane a, Lane b) const { return a * b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    lane = lane * fold_chunk(*this, x);
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return a * b; }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    if constexpr (std::is_integral_v<T>) {
      reinterpret_cast<uint64_t*>(out[0])[at] = acc;
    } else if constexpr (is_complex_type<T>) {
      using R = real_of<T>;
      reinterpret_cast<T*>(out[0])[at] = {static_cast<R>(acc.re), static_cast<R>(acc.im)};
    } else {
      reinterpret_cast<T*>(out[0])[at] = from_op<T>(static_cast<opmath_t<T>>(acc));
    }
  }
};

// How many elements have (bits & mask) != 0; without the sign's bit that is "not zero" for every dtype of a
// size. Any and all are counts too: of those not zero, and of zeros.
template <class T>
struct CountOf {
  static constexpr bool kPair = false;
  using Element = T;
  using Lane = uint32_t;
  using Acc = int64_t;
  uint64_t mask;
  bool zeros, truth;

  __device__ bool holds(T x) const {
    if constexpr (is_complex_type<T>)
      return (x.re != 0 || x.im != 0) != zeros;
    else
      return ((x & static_cast<T>(mask)) != 0) != zeros;
  }
  __device__ Lane start(int64_t) const { return 0; }
  __device__ T neutral() const { return zeros ? T(~T(0)) : T(0); }
  __device__ Lane map(T x) const { return holds(x) ? 1 : 0; }
  __device__ Lane step(Lane a, Lane b) const { return a + b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    lane += fold_chunk(*this, x);
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return a + b; }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    if (truth)
      reinterpret_cast<uint8_t*>(out[0])[at] = (acc != 0) != zeros;
    else
      reinterpret_cast<int64_t*>(out[0])[at] = acc;
  }
};
struct CountPairs : CountOf<Complex<double>> {
  __device__ Complex<double> neutral() const { return Complex<double>(zeros ? 1 : 0); }
};

// What is summed often has all kernels.
template <class T>
constexpr ReduceVectors vectors_for() {
  if constexpr (is_complex_type<T> || std::is_same_v<T, int32_t>) return ReduceVectors::Rows;
  if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) < 4) return ReduceVectors::None;
  return ReduceVectors::Both;
}
template <class T, bool Magnitude>
void sum(const ReducePlan& plan) {
  run_reduction<vectors_for<T>()>(plan,
                                  SumOf<T>{plan.params.divisor, Magnitude, plan.out_dtype == DType::Float32});
}
template <class T>
void nan_sum(const ReducePlan& plan) {
  run_reduction<ReduceVectors::None>(
      plan, NanSumOf<T>{{plan.params.divisor, false, plan.out_dtype == DType::Float32}});
}
template <class T>
void product(const ReducePlan& plan) {
  run_reduction<ReduceVectors::None>(plan, ProductOf<T>{});
}

uint64_t mask_of(DType dtype) {
  switch (dtype) {
    case DType::Float16:
    case DType::BFloat16: return 0x7fff;
    case DType::Float32: return 0x7fffffff;
    case DType::Float64: return 0x7fffffffffffffff;
    case DType::Complex64: return 0x7fffffff7fffffff;
    default: return ~uint64_t{0};
  }
}
template <class T, DType Dtype, ReduceOp Function>
void count(const ReducePlan& plan) {
  using F = std::conditional_t<std::is_same_v<T, Complex<double>>, CountPairs, CountOf<T>>;
  F f;
  f.mask = mask_of(Dtype);
  f.zeros = Function == ReduceOp::All;
  f.truth = Function != ReduceOp::NonZero;
  run_reduction<ReduceVectors::Both>(plan, f);
}
template <ReduceOp Function>
Reducer counter(DType dtype) {
  return visit(dtype, [&]<class T>() -> Reducer {
    using E = std::conditional_t<std::is_same_v<T, complex128>, Complex<double>, bits_t<sizeof(T)>>;
    return &count<E, dtype_of<T>, Function>;
  });
}

}  // namespace

Reducer detail::sum_reducer(ReduceOp function, DType dtype) {
  switch (function) {
    case ReduceOp::NonZero: return counter<ReduceOp::NonZero>(dtype);
    case ReduceOp::Any: return counter<ReduceOp::Any>(dtype);
    case ReduceOp::All: return counter<ReduceOp::All>(dtype);
    default: break;
  }
  return visit(dtype, [&]<class T>() -> Reducer {
    using E = element_t<T>;
    constexpr bool floating = is_floating(dtype_of<T>);
    if (function == ReduceOp::Sum) return &sum<E, false>;
    if (function == ReduceOp::Prod) return &product<E>;
    if constexpr (floating) {
      if (function == ReduceOp::NormOne) return &sum<E, true>;
      if (function == ReduceOp::NanSum) return &nan_sum<E>;
    }
    return nullptr;
  });
}

}  // namespace plait::cuda
