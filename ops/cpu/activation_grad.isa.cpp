#include "ops/cpu/activation.h"

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

using vec::select;

template <class T>
struct LeakyRelu {
  explicit LeakyRelu(const void* p) : slope(param<T>(p, 0)) {}
  T operator()(T g, T x) const { return select(x > T(0), g, g * slope); }
  T slope;
};
template <class T>
struct Elu {
  static constexpr bool kCostly = true;
  explicit Elu(const void* p) : alpha(param<T>(p, 0)), scale(param<T>(p, 1)), input_scale(param<T>(p, 2)) {}
  T operator()(T g, T x) const {
    return g * select(x > T(0), scale, alpha * input_scale * vec::exp(vec::at_most(x, T(0)) * input_scale));
  }
  T alpha, scale, input_scale;
};
template <class T>
struct Softplus {
  static constexpr bool kCostly = true;
  explicit Softplus(const void* p) : beta(param<T>(p, 0)), threshold(param<T>(p, 1)) {}
  T operator()(T g, T x) const { return select(x * beta > threshold, g, g * vec::sigmoid(x * beta)); }
  T beta, threshold;
};
template <class T>
struct Clamp {
  explicit Clamp(const void* p) : low(param<T>(p, 0)), high(param<T>(p, 1)) {}
  T operator()(T g, T x) const { return select((x >= low) & (x <= high), g, T(0)); }
  T low, high;
};
template <class T>
struct Hardtanh {
  explicit Hardtanh(const void* p) : low(param<T>(p, 0)), high(param<T>(p, 1)) {}
  T operator()(T g, T x) const { return select((x <= low) | (x >= high), T(0), g); }
  T low, high;
};
template <class T>
struct Threshold {
  explicit Threshold(const void* p) : threshold(param<T>(p, 0)) {}
  T operator()(T g, T x) const { return x <= threshold ? T(0) : g; }
  T threshold;
};
template <class T>
struct Shrink {
  explicit Shrink(const void* p) : lambda(param<T>(p, 0)) {}
  T operator()(T g, T x) const { return select((x >= -lambda) & (x <= lambda), T(0), g); }
  T lambda;
};

// With t = tanh(softplus(x)), s = sigmoid(x): t + x (1 - t^2) s, where t = n / (n + 2), n = e (e + 2), e =
// exp(x).
template <class T>
PLAIT_INLINE T mish_grad(T x) {
  const T e = vec::exp(vec::at_most(x, T(20)));
  const T n = e * (e + T(2)), t = n / (n + T(2));
  const T limited = vec::at_least(x, T(-200));
  return select(x > T(20), T(1), vec::fma(limited * (T(1) - t * t), e / (T(1) + e), t));
}

constexpr LoopTable<ActivationGrad> make_table() {
  LoopTable<ActivationGrad> t{};
  row<ActivationGrad::Sigmoid>(t, Floats{}, [](auto g, auto y) { return g * (decltype(y)(1) - y) * y; });
  row<ActivationGrad::Tanh>(t, Floats{}, [](auto g, auto y) { return g * (decltype(y)(1) - y * y); });
  row<ActivationGrad::Silu>(t, Floats{}, costly([](auto g, auto x) { return g * vec::silu_grad(x); }));
  row<ActivationGrad::Mish>(t, Floats{}, costly([](auto g, auto x) { return g * mish_grad(x); }));
  row<ActivationGrad::GeluErf>(t, Floats{}, costly([](auto g, auto x) { return g * vec::gelu_erf_grad(x); }));
  row<ActivationGrad::GeluTanh>(t, Floats{},
                                costly([](auto g, auto x) { return g * vec::gelu_tanh_grad(x); }));
  row<ActivationGrad::Hardsigmoid>(t, Floats{}, [](auto g, auto x) {
    using T = decltype(x);
    return select((x > T(-3)) & (x < T(3)), g / T(6), T(0));
  });
  row<ActivationGrad::Hardswish>(t, Floats{}, [](auto g, auto x) {
    using T = decltype(x);
    return select(x < T(-3), T(0), select(x <= T(3), g * (x / T(3) + T(0.5)), g));
  });
  row<ActivationGrad::LogSigmoid>(t, Floats{}, costly([](auto g, auto x) { return g * vec::sigmoid(-x); }));
  row_of<ActivationGrad::LeakyRelu, LeakyRelu>(t, Floats{});
  row_of<ActivationGrad::Elu, Elu>(t, Floats{});
  row_of<ActivationGrad::Softplus, Softplus>(t, Floats{});
  row_of<ActivationGrad::Clamp, Clamp>(t, Floats{});
  row_of<ActivationGrad::Hardtanh, Hardtanh>(t, Floats{});
  row_of<ActivationGrad::Threshold, Threshold>(t, Floats{});
  row_of<ActivationGrad::Shrink, Shrink>(t, Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<ActivationGrad> activation_grad_table = make_table();
}

}  // namespace plait::cpu
