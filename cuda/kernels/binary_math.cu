// Divisions that round, powers and other functions of two numbers.
#include "cuda/device/functions_binary.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct RunDivision {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto f = function_of<fn::Division>(params);
    if constexpr (std::is_integral_v<T>)
      elementwise<T, T, T>(plan, IntDivision<T>{f, pointwise(params).op, pointwise(params).fault});
    else
      elementwise<T, T, T>(plan, FloatDivision<opmath_t<T>>{f});
  }
};
template <class T>
struct RunPower {
  static void run(const ElementwisePlan& plan, const void*) {
    if constexpr (std::is_integral_v<T>)
      elementwise<T, T, T>(plan, IntPower<T>{});
    else
      elementwise<T, T, T>(plan, FloatPower<opmath_t<T>>{});
  }
};
template <class T>
struct RunMath {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T, T>(plan, FloatMath<opmath_t<T>>{function_of<fn::BinaryMath>(params)});
  }
};
template <class T>
struct RunHeaviside {
  static void run(const ElementwisePlan& plan, const void*) { elementwise<T, T, T>(plan, IntHeaviside<T>{}); }
};

}  // namespace

Launcher launcher(fn::Division f, DType dtype) {
  if (f >= fn::Division::Gcd && is_floating(dtype)) return nullptr;
  return is_floating(dtype) ? float_launcher<RunDivision>(dtype) : int_launcher<RunDivision>(dtype);
}

Launcher launcher(fn::BinaryMath f, DType dtype) {
  if (f == fn::BinaryMath::Pow) {
    if (is_complex(dtype)) return complex_power_launcher(dtype);
    return is_floating(dtype) ? float_launcher<RunPower>(dtype) : int_launcher<RunPower>(dtype);
  }
  if (f == fn::BinaryMath::Heaviside && !is_floating(dtype))
    return dtype == DType::Bool ? &RunHeaviside<bool>::run : int_launcher<RunHeaviside>(dtype);
  return float_launcher<RunMath>(dtype);
}

}  // namespace plait::cuda
