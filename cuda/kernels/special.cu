// Trigonometric and special functions.
#include "cuda/device/functions_special.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct RunCircular {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, CircularFamily<opmath_t<T>>{function_of<fn::Trig>(params)});
  }
};
template <class T>
struct RunHyperbolic {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, HyperbolicFamily<opmath_t<T>>{function_of<fn::Trig>(params)});
  }
};
template <class T>
struct RunErrorFunction {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, ErrorFunctionFamily<opmath_t<T>>{function_of<fn::Special>(params)});
  }
};
template <class T>
struct RunGamma {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, GammaFamily<opmath_t<T>>{function_of<fn::Special>(params), 0});
  }
};
template <class T>
struct RunPolygamma {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, GammaFamily<opmath_t<T>>{{}, pointwise(params).numbers[0].integer});
  }
};

}  // namespace

Launcher launcher(fn::Trig f, DType dtype) {
  if (is_complex(dtype)) return complex_launcher(f, dtype);
  return f <= fn::Trig::Tan ? float_launcher<RunCircular>(dtype) : float_launcher<RunHyperbolic>(dtype);
}

Launcher launcher(fn::Special f, DType dtype) {
  return f <= fn::Special::Erfinv ? float_launcher<RunErrorFunction>(dtype) : float_launcher<RunGamma>(dtype);
}

Launcher polygamma_launcher(DType dtype) { return float_launcher<RunPolygamma>(dtype); }

}  // namespace plait::cuda
