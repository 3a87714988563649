// Functions of three arguments; choices by a condition.
#include "cuda/device/functions_binary.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct FloatTernary {
  fn::Ternary function;
  T number;

  template <class Body>
  __device__ void select(const Body& body) const {
    const T value = number;
    switch (function) {
      case fn::Ternary::Clamp:
        return body([](T x, T low, T high) {  // NaN in any of them comes through
          const T y = x < low || low != low ? low : x;
          return high < y || high != high ? high : y;
        });
      case fn::Ternary::Lerp:  // from the nearer end, so that weight 1 gives b exactly
        return body([](T a, T b, T weight) {
          return math::fabs(weight) < T(0.5) ? a + weight * (b - a) : b - (b - a) * (T(1) - weight);
        });
      case fn::Ternary::Addcmul: return body([value](T x, T a, T b) { return x + value * a * b; });
      case fn::Ternary::Addcdiv: return body([value](T x, T a, T b) { return x + value * (a / b); });
      case fn::Ternary::ScaledDifference: return body([](T a, T b, T scale) { return (a - b) * scale; });
      case fn::Ternary::Huber:
        return body([](T a, T b, T delta) {
          const T d = math::fabs(a - b), near = delta < d ? delta : d;
          return near * (d - near * T(0.5));
        });
      case fn::Ternary::ClampedDifference:
        return body([](T a, T b, T delta) {
          const T d = a - b;
          return d < -delta ? -delta : delta < d ? delta : d;
        });
      default: return;
    }
  }
};

template <class T>
struct IntTernary {
  fn::Ternary function;
  T number;

  template <class Body>
  __device__ void select(const Body& body) const {
    const auto wide = [](T x) { return static_cast<uint64_t>(x); };
    const T value = number;
    if (function == fn::Ternary::Clamp)
      body([](T x, T low, T high) { return math::clamp(x, low, high); });
    else
      body(
          [value, wide](T x, T a, T b) { return static_cast<T>(wide(x) + wide(value) * wide(a) * wide(b)); });
  }
};

template <class T>
struct Run {
  static void run(const ElementwisePlan& plan, const void* params) {
    const auto f = function_of<fn::Ternary>(params);
    const auto number = parameter<T>(params, 0);
    if constexpr (std::is_integral_v<T>)
      elementwise<T, T, T, T>(plan, IntTernary<T>{f, number});
    else
      elementwise<T, T, T, T>(plan, FloatTernary<opmath_t<T>>{f, number});
  }
};

struct Choice {
  template <class T>
  __device__ T operator()(bool condition, T a, T b) const {
    return condition ? a : b;
  }
};
template <class Bits>
void choose(const ElementwisePlan& plan, const void*) {
  elementwise<Bits, bool, Bits, Bits>(plan, Choice{});
}

}  // namespace

Launcher launcher(fn::Ternary f, DType dtype) {
  if (is_complex(dtype)) return complex_launcher(f, dtype);
  if (is_floating(dtype)) return float_launcher<Run>(dtype);
  return f == fn::Ternary::Clamp || f == fn::Ternary::Addcmul ? int_launcher<Run>(dtype) : nullptr;
}

Launcher where_launcher(int64_t itemsize) {
  switch (itemsize) {
    case 1: return &choose<uint8_t>;
    case 2: return &choose<uint16_t>;
    case 4: return &choose<uint32_t>;
    case 8: return &choose<uint64_t>;
    default: return &choose<Bits128>;
  }
}

}  // namespace plait::cuda
