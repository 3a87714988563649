#include "cuda/device/functions_binary.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct RunCompare {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<bool, T, T>(plan, CompareFamily<opmath_t<T>>{function_of<fn::Compare>(params)});
  }
};
template <class T>
struct RunTest {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto f = function_of<fn::Test>(params);
    if constexpr (is_complex_type<T>)
      elementwise<bool, T>(plan, ComplexTest<real_of<T>>{f});
    else
      elementwise<bool, T>(plan, FloatTest<opmath_t<T>>{f});
  }
};

}  // namespace

Launcher launcher(fn::Compare f, DType dtype) {
  if (is_complex(dtype))
    return f == fn::Compare::Less || f == fn::Compare::LessEqual ? nullptr
                                                                 : complex_type_launcher<RunCompare>(dtype);
  if (dtype == DType::Bool) return &RunCompare<uint8_t>::run;  // zeros and ones
  return is_floating(dtype) ? float_launcher<RunCompare>(dtype) : int_launcher<RunCompare>(dtype);
}

// Of integers a test is a comparison.
Launcher launcher(fn::Test f, DType dtype) {
  if (is_complex(dtype)) return f == fn::Test::Negative ? nullptr : complex_type_launcher<RunTest>(dtype);
  return float_launcher<RunTest>(dtype);
}

}  // namespace plait::cuda
