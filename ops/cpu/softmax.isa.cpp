#include "ops/cpu/softmax.h"

#include <limits>

#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

constexpr int kLanes = 16;  // independent partial results, so that reductions vectorise in a fixed order

template <class T>
inline __attribute__((always_inline)) T row_max(const T* x, int64_t n) {
  T lanes[kLanes];
  for (int j = 0; j < kLanes; ++j) lanes[j] = x[0];
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  T most = lanes[0];
  for (int j = 1; j < kLanes; ++j) most = lanes[j] > most ? lanes[j] : most;
  for (; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}
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

template <class T>
void forward(const T* x, int64_t rows, int64_t n, T* y, bool log) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    // A row of -inf alone gives NaN, as exp(-inf - -inf) does.
    const T most = row_max(x, n);
    if (log) {
      const T sum = row_sum<T>(
          n, [&](int64_t i) __attribute__((always_inline)) { return vec::exp(x[i] - most); });
      // In two steps: most + log(sum) would round away what is small beside `most`.
      const T shift = vec::log(sum);
      for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - most) - shift;
    } else {
      T lanes[kLanes] = {};
      int64_t i = 0;
      for (; i + kLanes <= n; i += kLanes)
        for (int j = 0; j < kLanes; ++j) {
          const T e = vec::exp(x[i + j] - most);
          y[i + j] = e;
          lanes[j] += e;
        }
      T sum = 0;
      for (; i < n; ++i) {
        y[i] = vec::exp(x[i] - most);
        sum += y[i];
      }
      for (const T s : lanes) sum += s;
      const T scale = T(1) / sum;
      for (i = 0; i < n; ++i) y[i] *= scale;
    }
  }
}

template <class T>
void backward(const T* g, const T* y, int64_t rows, int64_t n, T* dx, bool log) {
  for (int64_t r = 0; r < rows; ++r, g += n, y += n, dx += n) {
    if (log) {
      const T sum = row_sum<T>(
          n, [&](int64_t i) __attribute__((always_inline)) { return g[i]; });
      for (int64_t i = 0; i < n; ++i) dx[i] = g[i] - vec::exp(y[i]) * sum;
    } else {
      const T dot = row_sum<T>(
          n, [&](int64_t i) __attribute__((always_inline)) { return g[i] * y[i]; });
      for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (g[i] - dot);
    }
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const SoftmaxTable softmax_table = {{forward<float>, backward<float>},
                                                     {forward<double>, backward<double>}};
}

}  // namespace plait::cpu
