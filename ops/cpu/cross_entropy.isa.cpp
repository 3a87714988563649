#include "ops/cpu/cross_entropy.h"

#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

constexpr int kLanes = 16;

template <class T>
void log_sum_exp(const T* x, int64_t rows, int64_t columns, T* lse) {
  for (int64_t r = 0; r < rows; ++r, x += columns) {
    T lanes[kLanes];
    for (int j = 0; j < kLanes; ++j) lanes[j] = x[0];
    int64_t c = 0;
    for (; c + kLanes <= columns; c += kLanes)
      for (int j = 0; j < kLanes; ++j) lanes[j] = x[c + j] > lanes[j] ? x[c + j] : lanes[j];
    T most = lanes[0];
    for (int j = 1; j < kLanes; ++j) most = lanes[j] > most ? lanes[j] : most;
    for (; c < columns; ++c) most = x[c] > most ? x[c] : most;
    const T infinity = std::numeric_limits<T>::infinity();
    const T shift = most == infinity || most == -infinity ? T(0) : most;

    T sums[kLanes] = {};
    c = 0;
    for (; c + kLanes <= columns; c += kLanes)
      for (int j = 0; j < kLanes; ++j) sums[j] += vec::exp(x[c + j] - shift);
    T sum = 0;
    for (; c < columns; ++c) sum += vec::exp(x[c] - shift);
    for (const T s : sums) sum += s;
    lse[r] = shift + vec::log(sum);
  }
}

template <class T>
void scaled_softmax(const T* x, const T* lse, const T* scale, int64_t rows, int64_t columns, T* dx) {
  for (int64_t r = 0; r < rows; ++r, x += columns, dx += columns) {
    const T shift = lse[r], s = scale[r];
    for (int64_t c = 0; c < columns; ++c) dx[c] = s * vec::exp(x[c] - shift);
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const CrossEntropyTable cross_entropy_table = {
    {log_sum_exp<float>, scaled_softmax<float>}, {log_sum_exp<double>, scaled_softmax<double>}};
}

}  // namespace plait::cpu
