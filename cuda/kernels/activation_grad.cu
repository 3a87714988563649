#include "cuda/device/functions_activation.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct RunPiecewiseGrad {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T, T>(plan,
                         PiecewiseGrad<opmath_t<T>>{function_of<fn::ActivationGrad>(params),
                                                    {parameter<T>(params, 0), parameter<T>(params, 1)}});
  }
};
template <class T>
struct RunSmoothGrad {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto p = [&](int i) { return parameter<T>(params, i); };
    elementwise<T, T, T>(plan, SmoothGrad<T>{function_of<fn::ActivationGrad>(params), {p(0), p(1), p(2)}});
  }
};

}  // namespace

Launcher launcher(fn::ActivationGrad f, DType dtype) {
  return is_piecewise(f) ? float_launcher<RunPiecewiseGrad>(dtype) : float_launcher<RunSmoothGrad>(dtype);
}

}  // namespace plait::cuda
