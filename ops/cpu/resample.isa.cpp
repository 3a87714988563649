#include "ops/cpu/resample.h"

namespace plait::cpu {
namespace {

// Along the width: each output position is a sum of a few input positions.
template <int Taps, class T>
void gather_row(const T* row, const ResampleAxis<T>& axis, T* y) {
  for (int64_t o = 0; o < axis.out; ++o) {
    T sum = 0;
    for (int k = 0; k < Taps; ++k) sum += axis.weight[o * Taps + k] * row[axis.index[o * Taps + k]];
    y[o] = sum;
  }
}
template <class T>
void gather_row_any(const T* row, const ResampleAxis<T>& axis, T* y) {
  switch (axis.taps) {
    case 1:  // copied, so that infinities and NaN stay
      for (int64_t o = 0; o < axis.out; ++o) y[o] = row[axis.index[o]];
      return;
    case 2: return gather_row<2>(row, axis, y);
    default: return gather_row<4>(row, axis, y);
  }
}
template <class T>
void scatter_row(const T* dy, const ResampleAxis<T>& axis, T* row) {
  for (int64_t i = 0; i < axis.in; ++i) row[i] = 0;
  for (int64_t o = 0; o < axis.out; ++o)
    for (int k = 0; k < axis.taps; ++k)
      row[axis.index[o * axis.taps + k]] += axis.weight[o * axis.taps + k] * dy[o];
}

// Calls f(weight, input row) for the input rows that output row (d, h) is made of.
template <class T, class F>
inline __attribute__((always_inline)) void for_rows(const ResampleAxis<T>* axes, int64_t d, int64_t h,
                                                    const F& f) {
  const ResampleAxis<T>&depth = axes[0], &height = axes[1];
  for (int i = 0; i < depth.taps; ++i)
    for (int j = 0; j < height.taps; ++j)
      f(depth.weight[d * depth.taps + i] * height.weight[h * height.taps + j],
        depth.index[d * depth.taps + i] * height.in + height.index[h * height.taps + j]);
}

template <class T>
void forward(const T* x, const ResampleAxis<T>* axes, T* row, T* y) {
  const int64_t width = axes[2].in;
  const bool one = axes[0].taps == 1 && axes[1].taps == 1;
  for (int64_t d = 0; d < axes[0].out; ++d)
    for (int64_t h = 0; h < axes[1].out; ++h, y += axes[2].out) {
      const T* from = row;
      bool first = true;
      for_rows(
          axes, d, h, [&](T weight, int64_t at) __attribute__((always_inline)) {
            const T* input = x + at * width;
            if (one) {
              from = input;
            } else if (first) {
              for (int64_t i = 0; i < width; ++i) row[i] = weight * input[i];
            } else if (weight != T(0)) {
              for (int64_t i = 0; i < width; ++i) row[i] += weight * input[i];
            }
            first = false;
          });
      gather_row_any(from, axes[2], y);
    }
}

template <class T>
void backward(const T* dy, const ResampleAxis<T>* axes, T* row, T* dx) {
  const int64_t width = axes[2].in;
  for (int64_t d = 0; d < axes[0].out; ++d)
    for (int64_t h = 0; h < axes[1].out; ++h, dy += axes[2].out) {
      scatter_row(dy, axes[2], row);
      for_rows(
          axes, d, h, [&](T weight, int64_t at) __attribute__((always_inline)) {
            T* to = dx + at * width;
            for (int64_t i = 0; i < width; ++i) to[i] += weight * row[i];
          });
    }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ResampleTable resample_table = {{forward<float>, backward<float>},
                                                       {forward<double>, backward<double>}};
}

}  // namespace plait::cpu
