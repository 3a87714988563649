#include "ops/cpu/cross_entropy.h"

#include <limits>

#include "ops/cpu/exponentials.h"

namespace plait::cpu {
namespace {

// The sum of exp(x - shift), with the shift that keeps it in range: the largest number of the row, where that
// is finite. A null y keeps no exponentials.
template <class T>
T shifted_sum(const T* x, int64_t columns, T* y, T& shift) {
  const T most = row_max(x, columns), infinity = std::numeric_limits<T>::infinity();
  const bool finite = most != infinity && most != -infinity;
  shift = finite ? most : T(0);
  return finite ? exponentials<true>(x, columns, shift, y) : exponentials<false>(x, columns, shift, y);
}

template <class T>
void log_sum_exp(const T* x, int64_t rows, int64_t columns, T* lse) {
  for (int64_t r = 0; r < rows; ++r, x += columns) {
    T shift;
    const T sum = shifted_sum<T>(x, columns, nullptr, shift);
    lse[r] = shift + vec::log(sum);
  }
}

template <class T>
void row_exponentials(const T* x, int64_t columns, T* __restrict y, T* sum, T* lse) {
  T shift;
  *sum = shifted_sum(x, columns, y, shift);
  *lse = shift + vec::log(*sum);
}

template <class T>
void scaled_softmax(const T* x, T lse, T scale, int64_t columns, T* __restrict y) {
  for (int64_t c = 0; c < columns; ++c) y[c] = scale * vec::exp(x[c] - lse);
}

template <class T>
void scale(T* y, int64_t columns, T factor) {
  for (int64_t c = 0; c < columns; ++c) y[c] *= factor;
}

template <class T>
T weighted_sum(const T* x, const T* weight, int64_t columns) {
  if (!weight) return row_sum(x, columns);
  ChainedSum<T> dot;
  over_values<T>(
      columns, [&](auto at) __attribute__((always_inline)) { at.add(dot, at.load(weight) * at.load(x)); });
  return dot.total();
}

template <class T>
constexpr CrossEntropyRows<T> kernels() {
  return {log_sum_exp<T>, scaled_softmax<T>, row_exponentials<T>, scale<T>, weighted_sum<T>};
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const CrossEntropyTable cross_entropy_table = {kernels<float>(), kernels<double>()};
}

}  // namespace plait::cpu
