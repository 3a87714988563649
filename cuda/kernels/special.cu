// Trigonometric and special functions.
#include "cuda/device/functions_special.cuh"
#include "cuda/device/functions_unary.cuh"
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
// Apart from the others, which are long: 16 elements a thread.
struct BriefTanh {
  __device__ float operator()(float x) const { return brief_tanh(x); }
};
template <class T>
void run_brief_tanh(const ElementwisePlan& plan, const void*) {
  elementwise<T, T>(plan, BriefTanh{});
}

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
  if (f == fn::Trig::Tanh && dtype == DType::Float16) return &run_brief_tanh<Half>;
  if (f == fn::Trig::Tanh && dtype == DType::BFloat16) return &run_brief_tanh<BFloat16>;
  return f <= fn::Trig::Sinc ? float_launcher<RunCircular>(dtype) : float_launcher<RunHyperbolic>(dtype);
}

Launcher launcher(fn::Special f, DType dtype) {
  return f <= fn::Special::Entr ? float_launcher<RunErrorFunction>(dtype) : float_launcher<RunGamma>(dtype);
}

Launcher polygamma_launcher(DType dtype) { return float_launcher<RunPolygamma>(dtype); }

}  // namespace plait::cuda
