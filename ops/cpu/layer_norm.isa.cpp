#include "ops/cpu/layer_norm.h"

namespace plait::cpu {
namespace {

constexpr int kLanes = 16;  // independent partial sums, so that reductions vectorise in a fixed order

template <class T, class F>
inline __attribute__((always_inline)) T row_sum(int64_t n, F f) {
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; ++j) lanes[j] += f(i + j);
  T sum = 0;
  for (; i < n; ++i) sum += f(i);
  for (const T s : lanes) sum += s;
  return sum;
}
inline __attribute__((always_inline)) float root(float v) { return __builtin_sqrtf(v); }
inline __attribute__((always_inline)) double root(double v) { return __builtin_sqrt(v); }

template <class T>
void forward(const T* x, const T* w, const T* b, int64_t rows, int64_t n, double eps, bool center, T* y,
             T* mean, T* rstd) {
  const T inverse = T(1) / static_cast<T>(n);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const T m = center ? row_sum<T>(
                             n, [&](int64_t i) __attribute__((always_inline)) { return x[i]; }) *
                             inverse
                       : T(0);
    const T var = row_sum<T>(
                      n, [&](int64_t i) __attribute__((always_inline)) { return (x[i] - m) * (x[i] - m); }) *
                  inverse;
    const T s = T(1) / root(var + static_cast<T>(eps));
    mean[r] = m;
    rstd[r] = s;
    if (w && b) {
      for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * s * w[i] + b[i];
    } else if (w) {
      for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * s * w[i];
    } else {
      for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * s;
      for (int64_t i = 0; b && i < n; ++i) y[i] += b[i];
    }
  }
}

template <class T>
void backward(const T* g, const T* x, const T* w, const T* mean, const T* rstd, int64_t rows, int64_t n,
              bool center, T* dx, T* dw, T* db) {
  const T inverse = T(1) / static_cast<T>(n);
  for (int64_t r = 0; r < rows; ++r, g += n, x += n) {
    const T m = mean[r], s = rstd[r];
    if (dx) {
      const auto weighted = [&](int64_t i) __attribute__((always_inline)) { return w ? g[i] * w[i] : g[i]; };
      const T sum = center ? row_sum<T>(n, weighted) * inverse : T(0);
      const T dot =
          row_sum<T>(
              n, [&](int64_t i) __attribute__((always_inline)) { return weighted(i) * (x[i] - m); }) *
          inverse * s * s;
      if (w)
        for (int64_t i = 0; i < n; ++i) dx[i] = s * (g[i] * w[i] - sum - (x[i] - m) * dot);
      else
        for (int64_t i = 0; i < n; ++i) dx[i] = s * (g[i] - sum - (x[i] - m) * dot);
      dx += n;
    }
    if (dw)
      for (int64_t i = 0; i < n; ++i) dw[i] += g[i] * (x[i] - m) * s;
    if (db)
      for (int64_t i = 0; i < n; ++i) db[i] += g[i];
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LayerNormTable layer_norm_table = {{forward<float>, backward<float>},
                                                          {forward<double>, backward<double>}};
}

}  // namespace plait::cpu
