#include "ops/cpu/softmax.h"

#include "ops/cpu/exponentials.h"
#include "ops/cpu/padded_rows.h"
#include "ops/cpu/short_rows.h"

namespace plait::cpu {
namespace {

// f(i, j) for all elements of columns, row by row.
template <class F>
PLAIT_INLINE void over_columns(int64_t begin, int64_t end, int64_t width, const F& f) {
  for (int64_t i = begin; i < end; ++i) {
#pragma GCC ivdep
    for (int64_t j = 0; j < width; ++j) f(i, j);
  }
}
// The sums of f(i, j) over i: blocks of rows first, so that rounding errors do not grow with their number.
template <class T, class F>
PLAIT_INLINE void sum_columns(int64_t n, int64_t width, T* sum, const F& f) {
  constexpr int64_t kBlock = 64;
  alignas(64) T part[SoftmaxKernels<T>::kColumns];
  for (int64_t j = 0; j < width; ++j) sum[j] = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    for (int64_t j = 0; j < width; ++j) part[j] = 0;
    over_columns(begin, n - begin < kBlock ? n : begin + kBlock, width,
                 [&](int64_t i, int64_t j) { part[j] += f(i, j); });
    for (int64_t j = 0; j < width; ++j) sum[j] += part[j];
  }
}

template <class T>
void forward_columns(const T* x, int64_t n, int64_t stride, int64_t width, T* y, bool log) {
  alignas(64) T most[SoftmaxKernels<T>::kColumns], sum[SoftmaxKernels<T>::kColumns];
  for (int64_t j = 0; j < width; ++j) most[j] = x[j];
  over_columns(1, n, width, [&](int64_t i, int64_t j) {
    const T value = x[i * stride + j];
    most[j] = value > most[j] ? value : most[j];
  });
  if (log) {
    sum_columns(n, width, sum, [&](int64_t i, int64_t j) { return vec::exp(x[i * stride + j] - most[j]); });
    for (int64_t j = 0; j < width; ++j) sum[j] = vec::log(sum[j]);
    over_columns(0, n, width,
                 [&](int64_t i, int64_t j) { y[i * stride + j] = (x[i * stride + j] - most[j]) - sum[j]; });
  } else {
    sum_columns(n, width, sum, [&](int64_t i, int64_t j) {
      return y[i * stride + j] = vec::exp(x[i * stride + j] - most[j]);
    });
    for (int64_t j = 0; j < width; ++j) sum[j] = T(1) / sum[j];
    over_columns(0, n, width, [&](int64_t i, int64_t j) { y[i * stride + j] *= sum[j]; });
  }
}

template <class T>
void backward_columns(const T* g, const T* y, int64_t n, int64_t stride, int64_t width, T* dx, bool log) {
  alignas(64) T sum[SoftmaxKernels<T>::kColumns];
  if (log) {
    sum_columns(n, width, sum, [&](int64_t i, int64_t j) { return g[i * stride + j]; });
    over_columns(0, n, width, [&](int64_t i, int64_t j) {
      const int64_t at = i * stride + j;
      dx[at] = g[at] - vec::exp(y[at]) * sum[j];
    });
  } else {
    sum_columns(n, width, sum, [&](int64_t i, int64_t j) { return g[i * stride + j] * y[i * stride + j]; });
    over_columns(0, n, width, [&](int64_t i, int64_t j) {
      const int64_t at = i * stride + j;
      dx[at] = y[at] * (g[at] - sum[j]);
    });
  }
}

template <class T>
void forward_padded(const T* x, int64_t rows, int64_t n, T* y, bool log) {
  PaddedRows<T> padded(n);
  alignas(64) T once[PaddedRows<T>::kLongest];
  padded.over_blocks(rows, [&](int64_t first, int64_t count) {
    padded.load(x + first * n, count);
    T *most = padded.most, *sum = padded.sum;
    if (log) {
      for (int64_t r = 0; r < count; ++r) sum[r] = padded.template exponentials<true>(r, most[r], once);
      for (int64_t r = 0; r < count; ++r) sum[r] = vec::log(sum[r]);
      padded.store(
          y + first * n,
          count, [&](Vec<T> v, int64_t r) __attribute__((always_inline)) { return (v - most[r]) - sum[r]; });
    } else {
      for (int64_t r = 0; r < count; ++r)
        sum[r] = padded.template exponentials<true>(r, most[r], padded.row(r));
      for (int64_t r = 0; r < count; ++r) sum[r] = T(1) / sum[r];
      padded.store(
          y + first * n,
          count, [&](Vec<T> v, int64_t r) __attribute__((always_inline)) { return v * sum[r]; });
    }
  });
}

template <class T>
void forward(const T* x, int64_t rows, int64_t n, T* y, bool log) {
  if (n < kShortRow && rows >= kShortRow)
    return over_blocks(rows, [&](int64_t first, int64_t count) {
      Turned<T> turned(x + first * n, count, n);
      forward_columns(turned.columns, n, kSideBySide, kSideBySide, turned.columns, log);
      turned.back(count, n, y + first * n);
    });
  if (PaddedRows<T>::suits(rows, n)) return forward_padded(x, rows, n, y, log);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    // A row of -inf alone gives NaN, as exp(-inf - -inf) does.
    const T most = row_max(x, n);
    if (log) {
      // In two steps: most + log(sum) would round away what is small beside `most`.
      const T shift = vec::log(exponentials<true, T>(x, n, most, nullptr));
      for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - most) - shift;
    } else {
      const T scale = T(1) / exponentials<true>(x, n, most, y);
      for (int64_t i = 0; i < n; ++i) y[i] *= scale;
    }
  }
}

template <class T>
void backward(const T* g, const T* y, int64_t rows, int64_t n, T* dx, bool log) {
  if (n < kShortRow && rows >= kShortRow)
    return over_blocks(rows, [&](int64_t first, int64_t count) {
      Turned<T> upper(g + first * n, count, n);
      const Turned<T> result(y + first * n, count, n);
      backward_columns(upper.columns, result.columns, n, kSideBySide, kSideBySide, upper.columns, log);
      upper.back(count, n, dx + first * n);
    });
  for (int64_t r = 0; r < rows; ++r, g += n, y += n, dx += n) {
    if (log) {
      const T sum = row_sum(g, n);
      for (int64_t i = 0; i < n; ++i) dx[i] = g[i] - vec::exp(y[i]) * sum;
    } else {
      ChainedSum<T> dot;
      over_values<T>(
          n, [&](auto at) __attribute__((always_inline)) { at.add(dot, at.load(g) * at.load(y)); });
      const T total = dot.total();
      for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (g[i] - total);
    }
  }
}

template <class T>
constexpr SoftmaxKernels<T> kernels() {
  return {forward<T>, backward<T>, forward_columns<T>, backward_columns<T>};
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const SoftmaxTable softmax_table = {kernels<float>(), kernels<double>()};
}

}  // namespace plait::cpu
