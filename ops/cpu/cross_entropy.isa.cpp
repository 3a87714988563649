#include "ops/cpu/cross_entropy.h"

#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

constexpr int kLanes = 16;

// What the exponents of a row are taken about: its largest number, where that is finite.
template <class T>
T shift_of(const T* x, int64_t columns) {
  T lanes[kLanes];
  for (int j = 0; j < kLanes; ++j) lanes[j] = x[0];
  int64_t c = 0;
  for (; c + kLanes <= columns; c += kLanes)
    for (int j = 0; j < kLanes; ++j) lanes[j] = x[c + j] > lanes[j] ? x[c + j] : lanes[j];
  T most = lanes[0];
  for (int j = 1; j < kLanes; ++j) most = lanes[j] > most ? lanes[j] : most;
  for (; c < columns; ++c) most = x[c] > most ? x[c] : most;
  const T infinity = std::numeric_limits<T>::infinity();
  return most == infinity || most == -infinity ? T(0) : most;
}

// Sums exp(x - shift); `keep` gets each.
template <class T, class F>
T sum_exponentials(const T* x, int64_t columns, T shift, const F& keep) {
  T sums[kLanes] = {};
  int64_t c = 0;
  for (; c + kLanes <= columns; c += kLanes)
    for (int j = 0; j < kLanes; ++j) {
      const T e = vec::exp(x[c + j] - shift);
      keep(c + j, e);
      sums[j] += e;
    }
  T sum = 0;
  for (; c < columns; ++c) {
    const T e = vec::exp(x[c] - shift);
    keep(c, e);
    sum += e;
  }
  for (const T s : sums) sum += s;
  return sum;
}

template <class T>
void log_sum_exp(const T* x, int64_t rows, int64_t columns, T* lse) {
  for (int64_t r = 0; r < rows; ++r, x += columns) {
    const T shift = shift_of(x, columns);
    lse[r] = shift + vec::log(sum_exponentials(x, columns, shift, [](int64_t, T) {}));
  }
}

template <class T>
void exponentials(const T* x, int64_t columns, T* __restrict y, T* sum, T* lse) {
  const T shift = shift_of(x, columns);
  *sum = sum_exponentials(x, columns, shift, [y](int64_t c, T e) { y[c] = e; });
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

}  // namespace

namespace PLAIT_ISA {
extern constinit const CrossEntropyTable cross_entropy_table = {
    {log_sum_exp<float>, scaled_softmax<float>, exponentials<float>, scale<float>},
    {log_sum_exp<double>, scaled_softmax<double>, exponentials<double>, scale<double>}};
}

}  // namespace plait::cpu
