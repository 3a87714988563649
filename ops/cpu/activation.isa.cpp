#include "ops/cpu/activation.h"

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

using vec::select;

template <class T>
struct LeakyRelu {
  explicit LeakyRelu(const void* p) : slope(param<T>(p, 0)) {}
  T operator()(T x) const { return select(x > T(0), x, x * slope); }
  T slope;
};
template <class T>
struct Elu {
  static constexpr bool kCostly = true;
  explicit Elu(const void* p) : alpha(param<T>(p, 0)), scale(param<T>(p, 1)), input_scale(param<T>(p, 2)) {}
  T operator()(T x) const {
    return select(x > T(0), x * scale, alpha * vec::expm1(vec::at_most(x, T(0)) * input_scale));
  }
  T alpha, scale, input_scale;
};
template <class T>
struct Softplus {
  static constexpr bool kCostly = true;
  explicit Softplus(const void* p) : beta(param<T>(p, 0)), threshold(param<T>(p, 1)) {}
  T operator()(T x) const {
    const T z = x * beta;
    return select(z > threshold, x, vec::softplus(z) / beta);
  }
  T beta, threshold;
};
template <class T>
struct Clamp {
  static T bound(const void* p, int i) {
    if constexpr (std::is_integral_v<T>) {
      const int64_t value = static_cast<const Params*>(p)->integer[i];
      if (value < static_cast<int64_t>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
      if (value > static_cast<int64_t>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    }
    return param<T>(p, i);
  }
  explicit Clamp(const void* p) : low(bound(p, 0)), high(bound(p, 1)) {}
  T operator()(T x) const {
    const T y = x < low ? low : x;
    return high < y ? high : y;
  }
  T low, high;
};
template <class T>
struct Threshold {
  explicit Threshold(const void* p) : threshold(param<T>(p, 0)), value(param<T>(p, 1)) {}
  T operator()(T x) const { return x <= threshold ? value : x; }
  T threshold, value;
};
template <class T>
struct Softshrink {
  explicit Softshrink(const void* p) : lambda(param<T>(p, 0)) {}
  T operator()(T x) const {
    return select(x > lambda, x - lambda, select(x < -lambda, x + lambda, x * T(0)));
  }
  T lambda;
};
template <class T>
struct Hardshrink {
  explicit Hardshrink(const void* p) : lambda(param<T>(p, 0)) {}
  T operator()(T x) const { return select((x >= -lambda) & (x <= lambda), T(0), x); }
  T lambda;
};
template <class T>
struct Logit {
  static constexpr bool kCostly = true;
  explicit Logit(const void* p) : low(param<T>(p, 0)), high(T(1) - param<T>(p, 0)) {}
  T operator()(T x) const {
    const T y = select(low < T(0), x, vec::clamp(x, low, high));
    // log(y / (1 - y)); both logarithms apart lose nothing near the ends
    return vec::log(y / (T(1) - y));
  }
  T low, high;
};

constexpr LoopTable<Activation> make_table() {
  LoopTable<Activation> t{};
  row<Activation::Relu>(t, Types<uint8_t>{}, [](auto x) { return x; });
  row<Activation::Relu>(t, Signed{}, [](auto x) { return x < 0 ? decltype(x)(0) : x; });
  row<Activation::Relu>(t, Floats{}, [](auto x) { return x <= 0 ? decltype(x)(0) : x; });
  row<Activation::LogSigmoid>(t, Floats{}, costly([](auto x) { return vec::log_sigmoid(x); }));
  row<Activation::Silu>(t, Floats{}, costly([](auto x) { return vec::silu(x); }));
  row<Activation::Mish>(t, Floats{}, costly([](auto x) { return vec::mish(x); }));
  row<Activation::GeluErf>(t, Floats{}, costly([](auto x) { return vec::gelu_erf(x); }));
  row<Activation::GeluTanh>(t, Floats{}, costly([](auto x) { return vec::gelu_tanh(x); }));
  row<Activation::Softsign>(t, Floats{}, [](auto x) { return x / (decltype(x)(1) + vec::abs(x)); });
  row<Activation::Tanhshrink>(t, Floats{}, costly([](auto x) { return x - vec::tanh(x); }));
  row<Activation::Hardsigmoid>(t, Floats{}, [](auto x) {
    using T = decltype(x);
    return vec::clamp(x + T(3), T(0), T(6)) / T(6);
  });
  row<Activation::Hardswish>(t, Floats{}, [](auto x) {
    using T = decltype(x);
    return x * vec::clamp(x + T(3), T(0), T(6)) / T(6);
  });
  row_of<Activation::LeakyRelu, LeakyRelu>(t, Floats{});
  row_of<Activation::Elu, Elu>(t, Floats{});
  row_of<Activation::Softplus, Softplus>(t, Floats{});
  row_of<Activation::Clamp, Clamp>(t, RealNumbers{});
  row_of<Activation::Threshold, Threshold>(t, RealNumbers{});
  row_of<Activation::Softshrink, Softshrink>(t, Floats{});
  row_of<Activation::Hardshrink, Hardshrink>(t, Floats{});
  row_of<Activation::Logit, Logit>(t, Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Activation> activation_table = make_table();
}

}  // namespace plait::cpu
