#include "ops/cpu/rnn.h"

#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

template <class T>
void lstm(const void* gates, const void* c, void* h, void* c_next, int64_t n) {
  const T *i = static_cast<const T*>(gates), *f = i + n, *g = f + n, *o = g + n,
          *before = static_cast<const T*>(c);
  T *hidden = static_cast<T*>(h), *next = static_cast<T*>(c_next);
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j)
    next[j] = vec::sigmoid(f[j]) * before[j] + vec::sigmoid(i[j]) * vec::tanh(g[j]);
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j) hidden[j] = vec::sigmoid(o[j]) * vec::tanh(next[j]);
}

template <class T>
void lstm_backward(const void* grad_h, const void* grad_c, const void* gates, const void* c,
                   const void* c_next, void* dgates, void* dc, int64_t n) {
  const T *gh = static_cast<const T*>(grad_h), *gc = static_cast<const T*>(grad_c),
          *before = static_cast<const T*>(c), *next = static_cast<const T*>(c_next);
  const T *i = static_cast<const T*>(gates), *f = i + n, *g = f + n, *o = g + n;
  T *di = static_cast<T*>(dgates), *df = di + n, *dg = df + n, *d_o = dg + n, *d_before = static_cast<T*>(dc);
  // d_before holds the gradient of c_next between the two loops.
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j) {
    const T out = vec::sigmoid(o[j]), squashed = vec::tanh(next[j]), h = gh ? gh[j] : T(0);
    d_o[j] = h * squashed * out * (T(1) - out);
    d_before[j] = h * out * (T(1) - squashed * squashed) + (gc ? gc[j] : T(0));
  }
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j) {
    const T in = vec::sigmoid(i[j]), forget = vec::sigmoid(f[j]), cell = vec::tanh(g[j]), d = d_before[j];
    di[j] = d * cell * in * (T(1) - in);
    df[j] = d * before[j] * forget * (T(1) - forget);
    dg[j] = d * in * (T(1) - cell * cell);
    d_before[j] = d * forget;
  }
}

template <class T>
void gru(const void* gates_x, const void* gates_h, const void* hidden, void* result, int64_t n) {
  const T *x = static_cast<const T*>(gates_x), *y = static_cast<const T*>(gates_h),
          *h = static_cast<const T*>(hidden);
  T* next = static_cast<T*>(result);
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j) {
    const T r = vec::sigmoid(x[j] + y[j]), z = vec::sigmoid(x[n + j] + y[n + j]);
    const T fresh = vec::tanh(x[2 * n + j] + r * y[2 * n + j]);
    next[j] = fresh + z * (h[j] - fresh);
  }
}

template <class T>
void gru_backward(const void* grad, const void* gates_x, const void* gates_h, const void* hidden,
                  void* grad_x, void* grad_h, void* grad_hidden, int64_t n) {
  const T *d = static_cast<const T*>(grad), *x = static_cast<const T*>(gates_x),
          *y = static_cast<const T*>(gates_h), *h = static_cast<const T*>(hidden);
  T *dx = static_cast<T*>(grad_x), *dy = static_cast<T*>(grad_h), *dh = static_cast<T*>(grad_hidden);
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j) {
    const T r = vec::sigmoid(x[j] + y[j]), z = vec::sigmoid(x[n + j] + y[n + j]);
    const T fresh = vec::tanh(x[2 * n + j] + r * y[2 * n + j]);
    const T d_fresh = d[j] * (T(1) - z) * (T(1) - fresh * fresh);
    const T d_update = d[j] * (h[j] - fresh) * z * (T(1) - z);
    const T d_reset = d_fresh * y[2 * n + j] * r * (T(1) - r);
    dx[j] = d_reset, dy[j] = d_reset;
    dx[n + j] = d_update, dy[n + j] = d_update;
    dx[2 * n + j] = d_fresh, dy[2 * n + j] = d_fresh * r;
    dh[j] = d[j] * z;
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const RnnTable rnn_table = {{&lstm<float>, &lstm<double>},
                                             {&lstm_backward<float>, &lstm_backward<double>},
                                             {&gru<float>, &gru<double>},
                                             {&gru_backward<float>, &gru_backward<double>}};
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
