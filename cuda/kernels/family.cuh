// Tables of launchers for the families of elementwise functions.
#pragma once

#include "cuda/device/elementwise.cuh"
#include "cuda/kernels/pointwise.h"

namespace plait::cuda {
namespace {

inline const PointwiseParams& pointwise(const void* params) {
  return *static_cast<const PointwiseParams*>(params);
}
template <class E>
E function_of(const void* params) {
  return static_cast<E>(pointwise(params).function);
}
// Parameter i in the type that T is computed in.
template <class T>
opmath_t<T> parameter(const void* params, int i) {
  return number_as<T>(pointwise(params).numbers[i]);
}

template <class T>
inline constexpr bool is_float_type = is_16bit_float<T> || std::is_floating_point_v<T>;
template <class T>
inline constexpr bool is_int_type = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// Results and arguments of one type.
template <class T, int Inputs, class F>
void run_family(const ElementwisePlan& plan, const F& f) {
  if constexpr (Inputs == 1)
    elementwise<T, T>(plan, f);
  else if constexpr (Inputs == 2)
    elementwise<T, T, T>(plan, f);
  else
    elementwise<T, T, T, T>(plan, f);
}

// The launcher of a floating dtype among those of `Run<T>::run`, or null.
template <template <class> class Run>
Launcher float_launcher(DType dtype) {
  switch (dtype) {
    case DType::Float16: return &Run<Half>::run;
    case DType::BFloat16: return &Run<BFloat16>::run;
    case DType::Float32: return &Run<float>::run;
    case DType::Float64: return &Run<double>::run;
    default: return nullptr;
  }
}
template <template <class> class Run>
Launcher int_launcher(DType dtype) {
  switch (dtype) {
    case DType::UInt8: return &Run<uint8_t>::run;
    case DType::Int8: return &Run<int8_t>::run;
    case DType::Int16: return &Run<int16_t>::run;
    case DType::Int32: return &Run<int32_t>::run;
    case DType::Int64: return &Run<int64_t>::run;
    default: return nullptr;
  }
}
template <template <class> class Run>
Launcher complex_type_launcher(DType dtype) {
  switch (dtype) {
    case DType::Complex64: return &Run<Complex<float>>::run;
    case DType::Complex128: return &Run<Complex<double>>::run;
    default: return nullptr;
  }
}

}  // namespace
}  // namespace plait::cuda
