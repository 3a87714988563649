#include "cuda/kernels/scatter.h"

#include "cuda/device/elementwise.cuh"

namespace plait::cuda {
namespace {

using Launcher = void (*)(const ElementwisePlan&, const void*);

struct DivideByCount {
  template <class T>
  __device__ T operator()(T sum, int32_t count) const {
    if (count <= 1) return sum;
    if constexpr (std::is_same_v<T, bool>) {
      return false;
    } else if constexpr (std::is_integral_v<T>) {
      const int64_t v = static_cast<int64_t>(sum);
      return static_cast<T>(v / count - (v % count < 0));
    } else if constexpr (is_complex_type<T>) {
      const auto n = static_cast<real_of<T>>(count);
      return T(sum.re / n, sum.im / n);
    } else {
      return sum / static_cast<T>(count);
    }
  }
};

}  // namespace

Launcher divider_by_count(DType dtype) {
  return visit(dtype, []<class Element>() -> Launcher {
    using T = device_t<Element>;
    return
        [](const ElementwisePlan& plan, const void*) { elementwise<T, T, int32_t>(plan, DivideByCount{}); };
  });
}

}  // namespace plait::cuda
