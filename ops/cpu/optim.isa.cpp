#include "ops/cpu/optim.h"

#include "core/dtype.h"

namespace plait::cpu {
namespace {

template <class T>
inline __attribute__((always_inline)) compute_t<T> at(const T* p, int64_t i) {
  return static_cast<compute_t<T>>(p[i]);
}

template <class T, bool Momentum>
void sgd_loop(const StepBlock& b, const SgdStep& s) {
  using C = compute_t<T>;
  T* __restrict p = reinterpret_cast<T*>(b.param);
  T* __restrict m = reinterpret_cast<T*>(b.state[0]);
  const T* __restrict g = reinterpret_cast<const T*>(b.grad);
  const C sign = s.maximize ? C(-1) : C(1), decay = C(s.weight_decay), lr = C(s.lr), mu = C(s.momentum);
  const C keep = s.first ? C(0) : mu, take = s.first ? C(1) : C(1 - s.dampening);
  const C from_grad = s.nesterov ? C(1) : C(0), from_momentum = s.nesterov ? mu : C(1);
  for (int64_t i = 0; i < b.n; ++i) {
    const C x = at(p, i);
    const C d = sign * at(g, i) + decay * x;
    if constexpr (Momentum) {
      const C v = (s.first ? C(0) : keep * at(m, i)) + take * d;
      m[i] = static_cast<T>(v);
      p[i] = static_cast<T>(x - lr * (from_grad * d + from_momentum * v));
    } else {
      p[i] = static_cast<T>(x - lr * d);
    }
  }
}
template <class T>
void sgd(const StepBlock& b, const SgdStep& s) {
  b.state[0] ? sgd_loop<T, true>(b, s) : sgd_loop<T, false>(b, s);
}

inline __attribute__((always_inline)) float root(float v) { return __builtin_sqrtf(v); }
inline __attribute__((always_inline)) double root(double v) { return __builtin_sqrt(v); }

template <class T, bool Amsgrad>
void adam_loop(const StepBlock& b, const AdamStep& s) {
  using C = compute_t<T>;
  T* __restrict p = reinterpret_cast<T*>(b.param);
  T* __restrict m = reinterpret_cast<T*>(b.state[0]);
  T* __restrict v = reinterpret_cast<T*>(b.state[1]);
  T* __restrict most = reinterpret_cast<T*>(b.state[2]);
  const T* __restrict g = reinterpret_cast<const T*>(b.grad);
  const C sign = s.maximize ? C(-1) : C(1);
  const C shrink = s.decoupled ? C(1 - s.lr * s.weight_decay) : C(1),
          decay = s.decoupled ? C(0) : C(s.weight_decay);
  const C take1 = C(1 - s.beta1), beta2 = C(s.beta2), take2 = C(1 - s.beta2);
  const C step = C(s.lr / s.correction1), scale = C(1 / s.correction2_sqrt), eps = C(s.eps);
  for (int64_t i = 0; i < b.n; ++i) {
    const C x = at(p, i);
    const C d = sign * at(g, i) + decay * x;
    const C m0 = at(m, i);
    const C m1 = m0 + take1 * (d - m0);
    C v1 = beta2 * at(v, i) + take2 * d * d;
    m[i] = static_cast<T>(m1);
    v[i] = static_cast<T>(v1);
    if constexpr (Amsgrad) {
      const C before = at(most, i);
      v1 = v1 > before ? v1 : before;
      most[i] = static_cast<T>(v1);
    }
    p[i] = static_cast<T>(x * shrink - step * m1 / (root(v1) * scale + eps));
  }
}
template <class T>
void adam(const StepBlock& b, const AdamStep& s) {
  s.amsgrad ? adam_loop<T, true>(b, s) : adam_loop<T, false>(b, s);
}

template <class T>
void rmsprop(const StepBlock& b, const RmspropStep& s) {
  using C = compute_t<T>;
  T* __restrict p = reinterpret_cast<T*>(b.param);
  T* __restrict square = reinterpret_cast<T*>(b.state[0]);
  T* __restrict average = reinterpret_cast<T*>(b.state[1]);
  T* __restrict momentum = reinterpret_cast<T*>(b.state[2]);
  const T* __restrict g = reinterpret_cast<const T*>(b.grad);
  const C sign = s.maximize ? C(-1) : C(1), decay = C(s.weight_decay), lr = C(s.lr), eps = C(s.eps);
  const C alpha = C(s.alpha), take = C(1 - s.alpha), mu = C(s.momentum);
  for (int64_t i = 0; i < b.n; ++i) {
    const C x = at(p, i);
    const C d = sign * at(g, i) + decay * x;
    const C sq = alpha * at(square, i) + take * d * d;
    square[i] = static_cast<T>(sq);
    C spread = sq;
    if (average) {
      const C a0 = at(average, i);
      const C a1 = a0 + take * (d - a0);
      average[i] = static_cast<T>(a1);
      spread = sq - a1 * a1;
    }
    const C update = d / (root(spread) + eps);
    if (momentum) {
      const C v = mu * at(momentum, i) + update;
      momentum[i] = static_cast<T>(v);
      p[i] = static_cast<T>(x - lr * v);
    } else {
      p[i] = static_cast<T>(x - lr * update);
    }
  }
}

template <class T>
double sum_of_powers(const char* data, int64_t n, double power) {
  const T* x = reinterpret_cast<const T*>(data);
  double total = 0;
  if (power == 2) {
    // Sixteen sums at once, so that the loop vectorises with a fixed order of additions.
    double sums[16] = {};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
      for (int j = 0; j < 16; ++j)
        sums[j] += static_cast<double>(at(x, i + j)) * static_cast<double>(at(x, i + j));
    for (; i < n; ++i) total += static_cast<double>(at(x, i)) * static_cast<double>(at(x, i));
    for (const double s : sums) total += s;
    return total;
  }
  for (int64_t i = 0; i < n; ++i) {
    const double a = __builtin_fabs(static_cast<double>(at(x, i)));
    if (power == __builtin_inf())
      total = a > total || a != a ? a : total;
    else
      total += power == 1 ? a : power == 0 ? (a != 0) : __builtin_pow(a, power);
  }
  return total;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const OptimTable optim_table = {
    {sgd<Half>, sgd<BFloat16>, sgd<float>, sgd<double>},
    {adam<Half>, adam<BFloat16>, adam<float>, adam<double>},
    {rmsprop<Half>, rmsprop<BFloat16>, rmsprop<float>, rmsprop<double>},
    {sum_of_powers<Half>, sum_of_powers<BFloat16>, sum_of_powers<float>, sum_of_powers<double>}};
}

}  // namespace plait::cpu
