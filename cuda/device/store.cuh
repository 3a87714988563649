// Writing results whose dtype is known at run time only: kernels that compute an element from its place alone
// need one copy of their code, not one a dtype.
#pragma once

#include "cuda/device/numeric.cuh"

namespace plait::cuda {

template <class T>
struct Typed {
  using type = T;
};
// Calls f(Typed<T>()) with the dtype's type; a uniform branch in device code.
template <class F>
__device__ __forceinline__ void visit_on_device(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Bool: return f(Typed<bool>());
    case DType::UInt8: return f(Typed<uint8_t>());
    case DType::Int8: return f(Typed<int8_t>());
    case DType::Int16: return f(Typed<int16_t>());
    case DType::Int32: return f(Typed<int32_t>());
    case DType::Int64: return f(Typed<int64_t>());
    case DType::Float16: return f(Typed<Half>());
    case DType::BFloat16: return f(Typed<BFloat16>());
    case DType::Float32: return f(Typed<float>());
    case DType::Float64: return f(Typed<double>());
    case DType::Complex64: return f(Typed<Complex<float>>());
    default: return f(Typed<Complex<double>>());
  }
}

// A thread's elements: one Philox block of 32-bit draws; 16 bytes of float.
constexpr int kGroup = 4;

// Elements [first, first + 4) of n, converted; as vectors where there are so many and the memory is aligned.
template <class T, class V>
__device__ __forceinline__ void store_group(T* out, int64_t first, int64_t n, const V (&x)[kGroup]) {
  // Vectors of 16 bytes at most.
  constexpr int W = sizeof(T) > 8 ? 1 : sizeof(T) > 4 ? 2 : 4;
  if (first + kGroup <= n && reinterpret_cast<uintptr_t>(out) % (W * sizeof(T)) == 0) {
#pragma unroll
    for (int i = 0; i < kGroup; i += W) {
      Vector<T, W> part;
#pragma unroll
      for (int j = 0; j < W; ++j) part.at[j] = convert<T>(x[i + j]);
      *reinterpret_cast<Vector<T, W>*>(out + first + i) = part;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kGroup; ++i)
      if (first + i < n) out[first + i] = convert<T>(x[i]);
  }
}
template <class V>
__device__ __forceinline__ void store_group(void* out, DType dtype, int64_t first, int64_t n,
                                            const V (&x)[kGroup]) {
  visit_on_device(dtype, [&](auto typed) {
    using T = typename decltype(typed)::type;
    store_group(static_cast<T*>(out), first, n, x);
  });
}

}  // namespace plait::cuda
