#include "cuda/device/functions_activation.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct RunPiecewise {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, PiecewiseActivation<T>{function_of<fn::Activation>(params),
                                                   {parameter<T>(params, 0), parameter<T>(params, 1)}});
  }
};
template <class T>
struct RunSmooth {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto p = [&](int i) { return parameter<T>(params, i); };
    elementwise<T, T>(plan, SmoothActivation<T>{function_of<fn::Activation>(params), {p(0), p(1), p(2)}});
  }
};

// A bound beyond the type's range is its end.
template <class T>
T saturated(int64_t value) {
  constexpr auto low = static_cast<int64_t>(std::numeric_limits<T>::min()),
                 high = static_cast<int64_t>(std::numeric_limits<T>::max());
  return static_cast<T>(value < low ? low : value > high ? high : value);
}
template <class T>
struct RunInt {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto f = function_of<fn::Activation>(params);
    const Number* n = pointwise(params).numbers;
    const bool clamp = f == fn::Activation::Clamp;
    const auto p = [&](int i) { return clamp ? saturated<T>(n[i].integer) : static_cast<T>(n[i].integer); };
    elementwise<T, T>(plan, IntActivation<T>{f, {p(0), p(1)}});
  }
};

}  // namespace

Launcher launcher(fn::Activation f, DType dtype) {
  using fn::Activation;
  if (is_floating(dtype))
    return is_piecewise(f) ? float_launcher<RunPiecewise>(dtype) : float_launcher<RunSmooth>(dtype);
  const bool known = f == Activation::Relu || f == Activation::Clamp || f == Activation::Threshold;
  return known ? int_launcher<RunInt>(dtype) : nullptr;
}

}  // namespace plait::cuda
