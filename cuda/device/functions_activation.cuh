// Activation functions and their derivatives. T is an opmath type.
#pragma once

#include "cuda/device/functions_binary.cuh"

namespace plait::cuda {

// log(1 + exp(x))
template <class T>
__device__ __forceinline__ T softplus(T x) {
  return (x < T(0) ? T(0) : x) + log1p_exp(-math::fabs(x));
}

// log(sigmoid(x)) = -log(1 + exp(-x))
template <class T>
__device__ __forceinline__ T log_sigmoid(T x) {
  return math::at_most(x, T(0)) - log1p_exp(-math::fabs(x));
}

template <class T>
__device__ __forceinline__ T silu(T x) {
  return x * sigmoid(x);
}
template <class T>
__device__ __forceinline__ T silu_grad(T x) {
  const T s = sigmoid(x);
  return s * math::fma(x, T(1) - s, T(1));
}

// x tanh(softplus(x)): with e = exp(x), tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2).
template <class T>
__device__ __forceinline__ T mish(T x) {
  const T e = math::exp(math::at_most(x, T(20)));
  const T n = e * (e + T(2));
  return x > T(20) ? x : x * math::quotient(n, n + T(2));
}
// With t = tanh(softplus(x)), s = sigmoid(x): t + x (1 - t^2) s.
template <class T>
__device__ __forceinline__ T mish_grad(T x) {
  const T e = math::exp(math::at_most(x, T(20)));
  const T n = e * (e + T(2)), t = math::quotient(n, n + T(2));
  const T limited = math::at_least(x, T(-200));
  return x > T(20) ? T(1) : math::fma(limited * (T(1) - t * t), math::quotient(e, T(1) + e), t);
}

// x Phi(x)
template <class T>
__device__ __forceinline__ T gelu_erf(T x) {
  return x * math::normcdf(x);
}
template <class T>
__device__ __forceinline__ T gelu_erf_grad(T x) {
  const T limited = math::clamp(x, T(-40), T(40));
  const T density = T(0.3989422804014327) * math::exp(T(-0.5) * limited * limited);
  return math::fma(limited, density, math::normcdf(x));
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): Hendrycks and Gimpel, 2016.
template <class T>
inline constexpr T kGeluScale = T(0.7978845608028654);
template <class T>
inline constexpr T kGeluCubic = T(0.044715);

template <class T>
__device__ __forceinline__ T gelu_tanh(T x) {
  const T u = kGeluScale<T> * math::fma(kGeluCubic<T> * x * x, x, x);
  return x * sigmoid(u + u);
}
template <class T>
__device__ __forceinline__ T gelu_tanh_grad(T x) {
  const T limited = math::clamp(x, T(-1000), T(1000)), z = limited * limited;
  const T u = kGeluScale<T> * math::fma(kGeluCubic<T> * z, limited, limited);
  const T s = sigmoid(u + u);
  const T du = kGeluScale<T> * math::fma(T(3) * kGeluCubic<T>, z, T(1));
  return math::fma(limited * s * (T(1) - s), du + du, s);
}

// ---- families

// What is a few comparisons and products; the others stand in SmoothActivation.
constexpr bool is_piecewise(fn::Activation f) {
  using fn::Activation;
  return f == Activation::Relu || f == Activation::Softsign || f == Activation::Hardsigmoid ||
         f == Activation::Hardswish || f == Activation::LeakyRelu || f == Activation::Clamp ||
         f == Activation::Threshold || f == Activation::Softshrink || f == Activation::Hardshrink;
}

template <class T>
struct PiecewiseActivation {
  fn::Activation function;
  T p[2];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::Activation;
    const T a = p[0], b = p[1];
    switch (function) {
      case Activation::Relu: return body([](T x) { return x <= T(0) ? T(0) : x; });
      case Activation::Softsign: return body([](T x) { return x / (T(1) + math::fabs(x)); });
      case Activation::Hardsigmoid: return body([](T x) { return math::clamp(x + T(3), T(0), T(6)) / T(6); });
      case Activation::Hardswish:
        return body([](T x) { return x * math::clamp(x + T(3), T(0), T(6)) / T(6); });
      case Activation::LeakyRelu: return body([a](T x) { return x > T(0) ? x : x * a; });
      case Activation::Clamp: return body([a, b](T x) { return math::clamp(x, a, b); });
      case Activation::Threshold: return body([a, b](T x) { return x <= a ? b : x; });
      case Activation::Softshrink:
        return body([a](T x) { return x > a ? x - a : x < -a ? x + a : x * T(0); });
      case Activation::Hardshrink: return body([a](T x) { return x >= -a && x <= a ? T(0) : x; });
      default: return;
    }
  }
};

template <class T>
struct SmoothActivation {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 8;
  fn::Activation function;
  T p[3];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::Activation;
    const T a = p[0], b = p[1], c = p[2];
    switch (function) {
      case Activation::LogSigmoid: return body([](T x) { return log_sigmoid(x); });
      case Activation::Silu: return body([](T x) { return silu(x); });
      case Activation::Mish: return body([](T x) { return mish(x); });
      case Activation::GeluErf: return body([](T x) { return gelu_erf(x); });
      case Activation::GeluTanh: return body([](T x) { return gelu_tanh(x); });
      case Activation::Tanhshrink: return body([](T x) { return x - math::tanh(x); });
      case Activation::Elu:
        return body(
            [a, b, c](T x) { return x > T(0) ? x * b : a * math::expm1(math::at_most(x, T(0)) * c); });
      case Activation::Softplus:
        return body([a, b](T x) {
          const T z = x * a;
          return z > b ? x : softplus(z) / a;
        });
      case Activation::Logit:
        return body([a](T x) {
          const T y = a < T(0) ? x : math::clamp(x, a, T(1) - a);
          return math::log(y / (T(1) - y));
        });
      default: return;
    }
  }
};

template <class T>
struct IntActivation {
  fn::Activation function;
  T p[2];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::Activation;
    const T a = p[0], b = p[1];
    switch (function) {
      case Activation::Relu: return body([](T x) { return is_negative(x) ? T(0) : x; });
      case Activation::Clamp: return body([a, b](T x) { return math::clamp(x, a, b); });
      case Activation::Threshold: return body([a, b](T x) { return x <= a ? b : x; });
      default: return;
    }
  }
};

// Of the gradient g and self x, or the result y.
constexpr bool is_piecewise(fn::ActivationGrad f) {
  using fn::ActivationGrad;
  return f == ActivationGrad::Sigmoid || f == ActivationGrad::Tanh || f == ActivationGrad::Hardsigmoid ||
         f == ActivationGrad::Hardswish || f == ActivationGrad::LeakyRelu || f >= ActivationGrad::Clamp;
}

template <class T>
struct PiecewiseGrad {
  fn::ActivationGrad function;
  T p[2];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::ActivationGrad;
    const T a = p[0], b = p[1];
    switch (function) {
      case ActivationGrad::Sigmoid: return body([](T g, T y) { return g * (T(1) - y) * y; });
      case ActivationGrad::Tanh: return body([](T g, T y) { return g * (T(1) - y * y); });
      case ActivationGrad::Hardsigmoid:
        return body([](T g, T x) { return x > T(-3) && x < T(3) ? g / T(6) : T(0); });
      case ActivationGrad::Hardswish:
        return body([](T g, T x) { return x < T(-3) ? T(0) : x <= T(3) ? g * (x / T(3) + T(0.5)) : g; });
      case ActivationGrad::LeakyRelu: return body([a](T g, T x) { return x > T(0) ? g : g * a; });
      case ActivationGrad::Clamp: return body([a, b](T g, T x) { return x >= a && x <= b ? g : T(0); });
      case ActivationGrad::Hardtanh: return body([a, b](T g, T x) { return x <= a || x >= b ? T(0) : g; });
      case ActivationGrad::Threshold: return body([a](T g, T x) { return x <= a ? T(0) : g; });
      case ActivationGrad::Shrink: return body([a](T g, T x) { return x >= -a && x <= a ? T(0) : g; });
      default: return;
    }
  }
};

template <class T>
struct SmoothGrad {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 8;
  fn::ActivationGrad function;
  T p[3];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::ActivationGrad;
    const T a = p[0], b = p[1], c = p[2];
    switch (function) {
      case ActivationGrad::Silu: return body([](T g, T x) { return g * silu_grad(x); });
      case ActivationGrad::Mish: return body([](T g, T x) { return g * mish_grad(x); });
      case ActivationGrad::GeluErf: return body([](T g, T x) { return g * gelu_erf_grad(x); });
      case ActivationGrad::GeluTanh: return body([](T g, T x) { return g * gelu_tanh_grad(x); });
      case ActivationGrad::Elu:
        return body([a, b, c](T g, T x) {
          return g * (x > T(0) ? b : a * c * math::exp(math::at_most(x, T(0)) * c));
        });
      case ActivationGrad::Softplus:
        return body([a, b](T g, T x) { return x * a > b ? g : g * sigmoid(x * a); });
      case ActivationGrad::LogSigmoid: return body([](T g, T x) { return g * sigmoid(-x); });
      default: return;
    }
  }
};

}  // namespace plait::cuda
