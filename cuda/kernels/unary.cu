#include "cuda/device/functions_unary.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct RunFloat {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto p = [&](int i) { return parameter<T>(params, i); };
    elementwise<T, T>(plan, FloatUnary<opmath_t<T>>{function_of<fn::Unary>(params), {p(0), p(1), p(2)}});
  }
};
template <class T>
struct RunInt {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, IntUnary<T>{function_of<fn::Unary>(params)});
  }
};
template <class T>
struct RunExplog {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, ExplogFamily<T>{function_of<fn::Explog>(params)});
  }
};

struct BoolUnary {
  fn::Unary function;
  template <class Body>
  __device__ void select(const Body& body) const {
    if (function == fn::Unary::BitwiseNot)
      body([](bool x) { return !x; });
    else
      body([](bool x) { return x; });
  }
};
void run_bool(const ElementwisePlan& plan, const void* params) {
  elementwise<bool, bool>(plan, BoolUnary{function_of<fn::Unary>(params)});
}

}  // namespace

Launcher launcher(fn::Unary f, DType dtype) {
  if (is_complex(dtype)) return complex_launcher(f, dtype);
  using fn::Unary;
  if (is_floating(dtype))
    return f == Unary::Conj || f == Unary::BitwiseNot ? nullptr : float_launcher<RunFloat>(dtype);
  if (dtype == DType::Bool) return f == Unary::Sign || f == Unary::BitwiseNot ? &run_bool : nullptr;
  const bool known =
      f == Unary::Neg || f == Unary::Abs || f == Unary::Sign || f == Unary::Square || f == Unary::BitwiseNot;
  return known ? int_launcher<RunInt>(dtype) : nullptr;
}

Launcher launcher(fn::Explog f, DType dtype) {
  return is_complex(dtype) ? complex_launcher(f, dtype) : float_launcher<RunExplog>(dtype);
}

}  // namespace plait::cuda
