// Activations that earn a formula of their own, and the derivatives that share work with them.
#pragma once

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/error_function.h"
#include "ops/cpu/vecmath/explog.h"

namespace plait::vec {
namespace {

template <class T>
PLAIT_INLINE T sigmoid(T x) {
  const T e = exp_negative(at_least(-abs(x), kExpNegativeMin<T>));  // at most 1: no overflow on either side
  return select(x < T(0), e, T(1)) / (T(1) + e);
}

// log(1 + exp(x)) for x <= 0
template <class T>
PLAIT_INLINE T log1p_exp(T x) {
  return log1p_unit(exp_negative(at_least(x, kExpNegativeMin<T>)));
}

// log(1 + exp(x))
template <class T>
PLAIT_INLINE T softplus(T x) {
  return select(x < T(0), T(0), x) + log1p_exp(-abs(x));
}

// log(sigmoid(x)) = -log(1 + exp(-x))
template <class T>
PLAIT_INLINE T log_sigmoid(T x) {
  return at_most(x, T(0)) - log1p_exp(-abs(x));
}

template <class T>
PLAIT_INLINE T silu(T x) {
  return x * sigmoid(x);
}
template <class T>
PLAIT_INLINE T silu_grad(T x) {
  const T s = sigmoid(x);
  return s * fma(x, T(1) - s, T(1));
}

// x tanh(softplus(x)): with e = exp(x), tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2).
template <class T>
PLAIT_INLINE T mish(T x) {
  const T e = exp(at_most(x, T(20)));
  const T n = e * (e + T(2));
  return select(x > T(20), x, x * (n / (n + T(2))));
}

// x Phi(x): a Phi(-a) less than x where x = a, and less than zero where x = -a. The zero is x 0, for its sign
// and for the NaN of negative infinity.
template <class T>
PLAIT_INLINE T gelu_erf(T x) {
  const Normal<T> normal = normal_distribution(x);
  return fma(-normal.a, normal.tail, select(x > T(0), x, x * T(0)));
}
template <class T>
PLAIT_INLINE T gelu_erf_grad(T x) {
  const Normal<T> normal = normal_distribution(x);
  const T value = fma(-normal.a, normal.density, normal.tail);  // at -a
  return select(x < T(0), value, T(1) - value);
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): Hendrycks and Gimpel, 2016.
template <class T>
inline constexpr T kGeluScale = T(0.7978845608028654);
template <class T>
inline constexpr T kGeluCubic = T(0.044715);

template <class T>
PLAIT_INLINE T gelu_tanh(T x) {
  const T u = kGeluScale<T> * fma(kGeluCubic<T> * x * x, x, x);
  return x * sigmoid(u + u);
}
template <class T>
PLAIT_INLINE T gelu_tanh_grad(T x) {
  const T limited = clamp(x, T(-1000), T(1000));
  const T z = limited * limited;
  const T u = kGeluScale<T> * fma(kGeluCubic<T> * z, limited, limited);
  const T s = sigmoid(u + u);
  const T du = kGeluScale<T> * fma(T(3) * kGeluCubic<T>, z, T(1));
  return fma(limited * s * (T(1) - s), du + du, s);
}

}  // namespace
}  // namespace plait::vec
