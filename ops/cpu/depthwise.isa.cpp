#include "ops/cpu/depthwise.h"

#include "ops/cpu/depthwise_band.h"

namespace plait::cpu {
namespace {

constexpr int kVectors = 4;  // of results at a time

template <class T>
PLAIT_INLINE Vec<T> load_some(const T* from, int64_t n) {
  T lanes[kLanes<T>] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = from[i];
  return load_vector(lanes);
}

// Where results go: row r begins at to + r * row, its elements lie `step` apart.
template <class T>
struct Results {
  T* to;
  int64_t row, step;
  bool add;
};

template <class T>
PLAIT_INLINE void store_results(Vec<T> sums, const Results<T>& results, T* to, int64_t n) {
  constexpr int64_t kWidth = kLanes<T>;
  if (n == kWidth && results.step == 1) {
    store_vector(to, results.add ? load_vector(to) + sums : sums);
    return;
  }
  T lanes[kWidth];
  store_vector(lanes, sums);
  for (int64_t i = 0; i < n; ++i, to += results.step) *to = results.add ? *to + lanes[i] : lanes[i];
}

struct Taps {
  const DepthwiseTap* taps;
  int64_t count;
};

// Rows x vectors of results, enough of them to hide the latency of the sums; the last vector of a row has
// `last` elements. `from_row` lies between the rows in the buffer.
template <int Rows, int Vectors, class T>
__attribute__((noinline)) void sum_taps(const T* from, int64_t from_row, const Taps& taps, const T* weights,
                                        T bias, const Results<T>& results, T* to, int64_t last) {
  constexpr int64_t kWidth = kLanes<T>;
  Vec<T> sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sums[r][v] = splat(bias);
  for (int64_t t = 0; t < taps.count; ++t) {
    const Vec<T> w = splat(weights[t]);
    const T* at = from + taps.taps[t].offset;
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[r][v] += w * load_vector(at + r * from_row + v * kWidth);
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v)
      store_results<T>(sums[r][v], results, to + r * results.row + v * kWidth * results.step,
                       v < Vectors - 1 ? kWidth : last);
}

// `rows` rows of n results.
template <class T>
void sum_rows(const T* from, int64_t from_row, const Taps& taps, const T* weights, T bias,
              const Results<T>& results, int64_t rows, int64_t n) {
  constexpr int64_t kWidth = kLanes<T>;
  for (int64_t i = 0; i < n; i += kVectors * kWidth) {
    const int64_t left = clamp(n - i, 0, kVectors * kWidth), vectors = (left + kWidth - 1) / kWidth;
    with_rows<kVectors>(
        vectors, [&]<int Vectors>() __attribute__((always_inline)) {
          constexpr int kRows = Vectors == 1 ? 8 : Vectors == 2 ? 4 : 2;
          const int64_t last = left - (vectors - 1) * kWidth;
          int64_t r = 0;
          const auto take = [&]<int Rows>() __attribute__((always_inline)) {
            for (; r + Rows <= rows; r += Rows)
              sum_taps<Rows, Vectors>(from + i + r * from_row, from_row, taps, weights, bias, results,
                                      results.to + i * results.step + r * results.row, last);
          };
          take.template operator()<kRows>();
          if constexpr (kRows > 4) take.template operator()<4>();
          if constexpr (kRows > 2) take.template operator()<2>();
          take.template operator()<1>();
        });
  }
}

// Calls f(source slice, filter slice) for the slices that slice z of the results meets.
template <class F>
PLAIT_INLINE void over_slices(const DepthwiseAxis& axis, int64_t z, const F& f) {
  for (int64_t k = 0; k < axis.kernel; ++k) {
    int64_t at =
        axis.transposed ? z + axis.pad - k * axis.dilation : z * axis.stride - axis.pad + k * axis.dilation;
    if (axis.transposed) {
      if (at % axis.stride != 0) continue;
      at /= axis.stride;
    }
    if (at >= 0 && at < axis.from) f(at, k);
  }
}

template <class T>
void convolve(const Depthwise& d, const T* from, const T* filter, T bias, bool add, T* to, T* workspace) {
  const DepthwiseAxis &y = d.axes[1], &x = d.axes[2];
  T* weights = workspace + d.weights_at;
  const int64_t kinds = y.kinds() * x.kinds();
  for (int64_t z = 0; z < d.axes[0].to; ++z, to += y.to * x.to) {
    bool adds = add;
    over_slices(d.axes[0], z, [&](int64_t slice, int64_t k) {
      const T* plane = from + slice * y.from * x.from;
      for (int64_t t = 0; t < d.first[kinds]; ++t)
        weights[t] = filter[k * y.kernel * x.kernel + d.taps[t].place];
      for (int64_t begin = 0; begin < y.to; begin += d.band_rows) {
        const int64_t end = clamp(begin + d.band_rows, 0, y.to);
        fill_band(d, plane, begin, end, workspace, T(0));
        for (int64_t row = 0; row < y.kinds() && begin + row < end; ++row)
          for (int64_t column = 0; column < x.kinds() && column < x.to; ++column) {
            const int64_t list = row * x.kinds() + column, first = d.first[list];
            const Results<T> results{to + (begin + row) * x.to + column, y.kinds() * x.to, x.kinds(), adds};
            sum_rows<T>(workspace, y.parts() * d.row_length, {d.taps + first, d.first[list + 1] - first},
                        weights + first, adds ? T(0) : bias, results,
                        (end - begin - row + y.kinds() - 1) / y.kinds(),
                        (x.to - column + x.kinds() - 1) / x.kinds());
          }
      }
      adds = true;
    });
    if (!adds)
      for (int64_t i = 0; i < y.to * x.to; ++i) to[i] = bias;
  }
}

template <class T>
void filter_grad(const Depthwise& d, const T* from, const T* g, double* grad, T* workspace) {
  constexpr int64_t kWidth = kLanes<T>;
  const DepthwiseAxis &y = d.axes[1], &x = d.axes[2];
  const int64_t taps = d.first[1], whole = x.to / kWidth, rest = x.to % kWidth;
  T* sums = workspace + d.sums_at;
  T kept[kWidth];  // 1 in the lanes of a row's last vector that count
  for (int64_t i = 0; i < kWidth; ++i) kept[i] = i < rest ? T(1) : T(0);
  const auto keep = load_vector(kept) != splat(T(0));
  for (int64_t z = 0; z < d.axes[0].to; ++z, g += y.to * x.to) {
    over_slices(d.axes[0], z, [&](int64_t slice, int64_t k) {
      for (int64_t begin = 0; begin < y.to; begin += d.band_rows) {
        const int64_t end = clamp(begin + d.band_rows, 0, y.to);
        fill_band(d, from + slice * y.from * x.from, begin, end, workspace, T(0));
        for (int64_t i = 0; i < taps * kWidth; ++i) sums[i] = T(0);
        for (int64_t r = begin; r < end; ++r) {
          const T* band = workspace + (r - begin) * y.parts() * d.row_length;
          const T* row = g + r * x.to;
          const Vec<T> end_of_row = load_some(row + whole * kWidth, rest);
          for (int64_t t = 0; t < taps; ++t) {
            const T* met = band + d.taps[t].offset;
            Vec<T> sum = load_vector(sums + t * kWidth);
            for (int64_t i = 0; i < whole; ++i)
              sum += load_vector(row + i * kWidth) * load_vector(met + i * kWidth);
            if (rest != 0) {
              const Vec<T> product = end_of_row * load_vector(met + whole * kWidth);
              sum += keep ? product : Vec<T>{};  // what lies behind the row may be infinite
            }
            store_vector(sums + t * kWidth, sum);
          }
        }
        for (int64_t t = 0; t < taps; ++t)
          for (int64_t i = 0; i < kWidth; ++i)
            grad[k * y.kernel * x.kernel + d.taps[t].place] += static_cast<double>(sums[t * kWidth + i]);
      }
    });
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const DepthwiseTable depthwise_table = {{convolve<float>, filter_grad<float>},
                                                         {convolve<double>, filter_grad<double>}};
}

}  // namespace plait::cpu
