// Orthogonal polynomials: in double, as on the CPU.
#include "cuda/kernels/polynomials.h"

#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

// Apart, so that one copy of the code serves every dtype's kernels.
__device__ __noinline__ double polynomial(const fn::PolynomialDerivative& f, double x, double degree) {
  return special::evaluate(f, x, degree);
}

template <class T>
struct PolynomialFunction {
  static constexpr int elements = 2;
  fn::PolynomialDerivative function;
  __device__ T operator()(T x, double degree) const {
    return static_cast<T>(polynomial(function, static_cast<double>(x), degree));
  }
};

template <class T>
struct RunPolynomial {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto& f = *static_cast<const fn::PolynomialDerivative*>(params);
    elementwise<T, T, double>(plan, PolynomialFunction<opmath_t<T>>{f});
  }
};

}  // namespace

Launcher polynomial_launcher(DType dtype) { return float_launcher<RunPolynomial>(dtype); }

}  // namespace plait::cuda
