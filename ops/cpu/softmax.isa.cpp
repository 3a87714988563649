#include "ops/cpu/softmax.h"

#include "ops/cpu/exponentials.h"

namespace plait::cpu {
namespace {

template <class T>
void forward(const T* x, int64_t rows, int64_t n, T* y, bool log) {
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

}  // namespace

namespace PLAIT_ISA {
extern constinit const SoftmaxTable softmax_table = {{forward<float>, backward<float>},
                                                     {forward<double>, backward<double>}};
}

}  // namespace plait::cpu
