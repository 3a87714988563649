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
void compare_bools(const ElementwisePlan& plan, const void* params) {
  switch (function_of<fn::Compare>(params)) {
    case fn::Compare::And: return combine_bools(plan, fn::Bits::And);
    case fn::Compare::Or: return combine_bools(plan, fn::Bits::Or);
    case fn::Compare::Xor:
    case fn::Compare::NotEqual: return combine_bools(plan, fn::Bits::Xor);
    default: return RunCompare<uint8_t>::run(plan, params);  // zeros and ones
  }
}
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
  if (dtype == DType::Bool) return &compare_bools;
  return is_floating(dtype) ? float_launcher<RunCompare>(dtype) : int_launcher<RunCompare>(dtype);
}

// Of integers a test is a comparison.
Launcher launcher(fn::Test f, DType dtype) {
  if (is_complex(dtype)) return f == fn::Test::Negative ? nullptr : complex_type_launcher<RunTest>(dtype);
  return float_launcher<RunTest>(dtype);
}

}  // namespace plait::cuda
