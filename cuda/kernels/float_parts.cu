// Mantissas and exponents of floating-point numbers.
#include "cuda/kernels/float_parts.h"

#include "cuda/device/math.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

__device__ __forceinline__ float split(float x, int* exponent) { return ::frexpf(x, exponent); }
__device__ __forceinline__ double split(double x, int* exponent) { return ::frexp(x, exponent); }

// Infinities and NaN are their own mantissas, with the exponent 0.
template <class T>
struct Mantissa {
  __device__ T operator()(T x) const {
    int exponent;
    return math::fabs(x) < math::infinity<T>() ? split(x, &exponent) : x;
  }
};
template <class T>
struct Exponent {
  __device__ int32_t operator()(T x) const {
    int exponent = 0;
    if (math::fabs(x) < math::infinity<T>()) split(x, &exponent);
    return exponent;
  }
};

template <class T>
struct RunMantissa {
  static void run(const ElementwisePlan& plan, const void*) {
    elementwise<T, T>(plan, Mantissa<opmath_t<T>>{});
  }
};
template <class T>
struct RunExponent {
  static void run(const ElementwisePlan& plan, const void*) {
    elementwise<int32_t, T>(plan, Exponent<opmath_t<T>>{});
  }
};

}  // namespace

Launcher mantissa_launcher(DType dtype) { return float_launcher<RunMantissa>(dtype); }
Launcher exponent_launcher(DType dtype) { return float_launcher<RunExponent>(dtype); }

}  // namespace plait::cuda
