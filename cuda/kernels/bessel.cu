// Bessel functions and the functions of two numbers around the gamma function: in double, as on the CPU (half
// the rate of float), since arithmetic and not memory takes the time.
#include "cuda/kernels/bessel.h"

#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

// Apart, so that one copy of the code serves every dtype's kernels.
__device__ __noinline__ double bessel(fn::Bessel f, double x) { return special::evaluate(f, x); }
__device__ __noinline__ double gamma_pair(fn::GammaPair f, double a, double b) {
  return special::evaluate(f, a, b);
}

template <class T>
struct BesselFunction {
  static constexpr int elements = 2;
  fn::Bessel function;
  __device__ T operator()(T x) const { return static_cast<T>(bessel(function, static_cast<double>(x))); }
};
template <class T>
struct GammaPairFunction {
  static constexpr int elements = 2;
  fn::GammaPair function;
  __device__ T operator()(T a, T b) const {
    return static_cast<T>(gamma_pair(function, static_cast<double>(a), static_cast<double>(b)));
  }
};

template <class T>
struct RunBessel {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, BesselFunction<opmath_t<T>>{*static_cast<const fn::Bessel*>(params)});
  }
};
template <class T>
struct RunGammaPair {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T, T>(plan, GammaPairFunction<opmath_t<T>>{*static_cast<const fn::GammaPair*>(params)});
  }
};

}  // namespace

Launcher bessel_launcher(DType dtype) { return float_launcher<RunBessel>(dtype); }
Launcher gamma_pair_launcher(DType dtype) { return float_launcher<RunGammaPair>(dtype); }

}  // namespace plait::cuda
