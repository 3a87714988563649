// Activation functions and their derivatives, for elements of type E, in opmath_t<E>.
#pragma once

#include "cuda/device/functions_binary.cuh"
#include "cuda/device/normal.cuh"

namespace plait::cuda {

// log(1 + exp(-|x|))
template <class E>
__device__ __forceinline__ opmath_t<E> log1p_exp_minus(opmath_t<E> x) {
  if constexpr (is_brief<E>) {
    const float e = math::exp2_approximate(-kLog2e * math::fabs(x));
    float p = -0.02386893332f;  // log(1 + e) / e to 8e-6
    p = math::fma(p, e, 0.10122156888f);
    p = math::fma(p, e, -0.21004788578f);
    p = math::fma(p, e, 0.32520633936f);
    p = math::fma(p, e, -0.49936130643f);
    p = math::fma(p, e, 0.99999159575f);
    return p * e;
  } else {
    return log1p_exp(-math::fabs(x));
  }
}

// log(1 + exp(x))
template <class E>
__device__ __forceinline__ opmath_t<E> softplus(opmath_t<E> x) {
  return (x < 0 ? 0 : x) + log1p_exp_minus<E>(x);
}

// log(sigmoid(x)) = -log(1 + exp(-x))
template <class E>
__device__ __forceinline__ opmath_t<E> log_sigmoid(opmath_t<E> x) {
  return math::at_most(x, opmath_t<E>(0)) - log1p_exp_minus<E>(x);
}

template <class E>
__device__ __forceinline__ opmath_t<E> silu(opmath_t<E> x) {
  return x * sigmoid_of<E>(x);
}
template <class E>
__device__ __forceinline__ opmath_t<E> silu_grad(opmath_t<E> x) {
  const auto s = sigmoid_of<E>(x);
  return s * math::fma(x, 1 - s, opmath_t<E>(1));
}

// log(x / (1 - x))
template <class E>
__device__ __forceinline__ opmath_t<E> logit(opmath_t<E> x) {
  if constexpr (is_brief<E>) {
    const float r = math::reciprocal_approximate(1.0f - x);
    return brief_log<E>(x * r, math::fma(2.0f, x, -1.0f) * r);
  } else {
    return math::log(x / (opmath_t<E>(1) - x));
  }
}

// tanh(softplus(x)) for x <= 20: with e = exp(x), tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2).
template <class E>
__device__ __forceinline__ opmath_t<E> tanh_softplus(opmath_t<E> e) {
  using T = opmath_t<E>;
  const T n = e * (e + T(2));
  if constexpr (is_brief<E>)
    return n * math::reciprocal_approximate(n + 2.0f);
  else
    return math::quotient(n, n + T(2));
}
template <class E>
__device__ __forceinline__ opmath_t<E> exp_up_to_20(opmath_t<E> x) {
  using T = opmath_t<E>;
  if constexpr (is_brief<E>)
    return brief_exp(math::at_most(x, T(20)));
  else
    return math::exp(math::at_most(x, T(20)));
}
// x tanh(softplus(x))
template <class E>
__device__ __forceinline__ opmath_t<E> mish(opmath_t<E> x) {
  const auto t = tanh_softplus<E>(exp_up_to_20<E>(x));
  return x > 20 ? x : x * t;
}
// With t = tanh(softplus(x)), s = sigmoid(x): t + x (1 - t^2) s.
template <class E>
__device__ __forceinline__ opmath_t<E> mish_grad(opmath_t<E> x) {
  using T = opmath_t<E>;
  const T e = exp_up_to_20<E>(x), t = tanh_softplus<E>(e);
  const T limited = math::at_least(x, T(-200));
  T s;
  if constexpr (is_brief<E>)
    s = e * math::reciprocal_approximate(1.0f + e);
  else
    s = math::quotient(e, T(1) + e);
  return x > T(20) ? T(1) : math::fma(limited * (T(1) - t * t), s, t);
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): Hendrycks and Gimpel, 2016.
template <class T>
inline constexpr T kGeluScale = T(0.7978845608028654);
template <class T>
inline constexpr T kGeluCubic = T(0.044715);

// sigmoid(2 u)
template <class E>
__device__ __forceinline__ opmath_t<E> gelu_tanh_gate(opmath_t<E> x) {
  using T = opmath_t<E>;
  if constexpr (is_brief<E>) {
    constexpr float a = 2 * kGeluScale<float>, b = a * kGeluCubic<float>;
    return sigmoid_of<E>(x * math::fma(b, x * x, a));
  } else {
    const T u = kGeluScale<T> * math::fma(kGeluCubic<T> * x * x, x, x);
    return sigmoid(u + u);
  }
}
template <class E>
__device__ __forceinline__ opmath_t<E> gelu_tanh(opmath_t<E> x) {
  return x * gelu_tanh_gate<E>(x);
}
template <class E>
__device__ __forceinline__ opmath_t<E> gelu_tanh_grad(opmath_t<E> x) {
  using T = opmath_t<E>;
  T limited;  // in the brief form NaN comes by the gate
  if constexpr (is_brief<E>)
    limited = ::fminf(::fmaxf(x, -1000.0f), 1000.0f);
  else
    limited = x = math::clamp(x, T(-1000), T(1000));
  const T s = gelu_tanh_gate<E>(x);
  const T du = math::fma(T(6) * kGeluScale<T> * kGeluCubic<T>, limited * limited, T(2) * kGeluScale<T>);
  return math::fma(limited * s * (T(1) - s), du, s);
}

// ---- families

// What is a few comparisons and products; the others stand in SmoothActivation.
constexpr bool is_piecewise(fn::Activation f) {
  using fn::Activation;
  return f == Activation::Relu || f == Activation::Softsign || f == Activation::Hardsigmoid ||
         f == Activation::Hardswish || f == Activation::LeakyRelu || f == Activation::Clamp ||
         f == Activation::Threshold || f == Activation::Softshrink || f == Activation::Hardshrink;
}

// x / 6: 8 instructions for floats.
template <class E>
__device__ __forceinline__ opmath_t<E> sixth(opmath_t<E> x) {
  using T = opmath_t<E>;
  if constexpr (is_brief<E>)
    return x * T(1.0 / 6);
  else
    return x / T(6);
}
template <class T>
__device__ __forceinline__ T up_to_six(T x) {
  return math::at_most_or_nan(math::at_least_or_nan(x, T(0)), T(6));
}

template <class E>
struct PiecewiseActivation {
  using T = opmath_t<E>;
  fn::Activation function;
  T p[2];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::Activation;
    const T a = p[0], b = p[1];
    switch (function) {
      case Activation::Relu: return body([](T x) { return x <= T(0) ? T(0) : x; });
      case Activation::Softsign: return body([](T x) { return x / (T(1) + math::fabs(x)); });
      case Activation::Hardsigmoid: return body([](T x) { return sixth<E>(up_to_six(x + T(3))); });
      case Activation::Hardswish: return body([](T x) { return sixth<E>(x * up_to_six(x + T(3))); });
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

template <class E>
struct SmoothActivation {
  using T = opmath_t<E>;
  static constexpr int elements = sizeof(T) > 4 ? 2 : is_brief<E> ? 16 : 8;
  fn::Activation function;
  T p[3];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::Activation;
    const T a = p[0], b = p[1], c = p[2];
    switch (function) {
      case Activation::LogSigmoid: return body([](T x) { return log_sigmoid<E>(x); });
      case Activation::Silu: return body([](T x) { return silu<E>(x); });
      case Activation::Mish: return body([](T x) { return mish<E>(x); });
      case Activation::GeluErf: return body([](T x) { return gelu_erf<E>(x); });
      case Activation::GeluTanh: return body([](T x) { return gelu_tanh<E>(x); });
      case Activation::Tanhshrink: return body([](T x) { return x - math::tanh(x); });
      case Activation::Elu:  // one of the two terms is 0
        return body([a, b, c](T x) {
          return math::fma(math::at_least(x, T(0)), b, a * expm1_of<E>(math::at_most(x, T(0)) * c));
        });
      case Activation::Softplus:
        return body([a, b, inverse = T(1) / a](T x) {
          const T z = x * a;
          return z > b ? x : softplus<E>(z) * inverse;
        });
      case Activation::Logit:  // NaN for all that is not between 0 and 1
        return body([low = a < T(0) ? T(-1) : a, high = a < T(0) ? T(2) : T(1) - a](T x) {
          return logit<E>(math::at_most_or_nan(math::at_least_or_nan(x, low), high));
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

template <class E>
struct SmoothGrad {
  using T = opmath_t<E>;
  static constexpr int elements = sizeof(T) > 4 ? 2 : is_brief<E> ? 16 : 8;
  fn::ActivationGrad function;
  T p[3];

  template <class Body>
  __device__ void select(const Body& body) const {
    using fn::ActivationGrad;
    const T a = p[0], b = p[1], c = p[2];
    switch (function) {
      case ActivationGrad::Silu: return body([](T g, T x) { return g * silu_grad<E>(x); });
      case ActivationGrad::Mish: return body([](T g, T x) { return g * mish_grad<E>(x); });
      case ActivationGrad::GeluErf: return body([](T g, T x) { return g * gelu_erf_grad<E>(x); });
      case ActivationGrad::GeluTanh: return body([](T g, T x) { return g * gelu_tanh_grad<E>(x); });
      case ActivationGrad::Elu:
        return body([a, b, c](T g, T x) {
          return g * (x > T(0) ? b : a * c * math::exp(math::at_most(x, T(0)) * c));
        });
      case ActivationGrad::Softplus:
        return body([a, b](T g, T x) { return x * a > b ? g : g * sigmoid_of<E>(x * a); });
      case ActivationGrad::LogSigmoid: return body([](T g, T x) { return g * sigmoid_of<E>(-x); });
      default: return;
    }
  }
};

}  // namespace plait::cuda
