#include "ops/cpu/distances.h"

#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

template <class T>
PLAIT_INLINE T magnitude(T x) {
  if constexpr (sizeof(T) == sizeof(float))
    return __builtin_fabsf(x);
  else
    return __builtin_fabs(x);
}
template <class T>
PLAIT_INLINE T root(T x) {
  if constexpr (sizeof(T) == sizeof(float))
    return __builtin_sqrtf(x);
  else
    return __builtin_sqrt(x);
}

// What a difference adds to a sum that begins at 0.
template <Metric metric, class T>
PLAIT_INLINE T step(T sum, T difference) {
  if constexpr (metric == Metric::One)
    return sum + magnitude(difference);
  else if constexpr (metric == Metric::Two)
    return sum + difference * difference;
  else  // a NaN stays
    return vec::select((sum > magnitude(difference)) | (sum != sum), sum, magnitude(difference));
}

// Columns are taken by blocks: those of one are read for all points while they are in the nearest cache.
template <Metric metric, class T>
void distances(const Points<T>& points, const T* columns, int64_t k, int64_t stride, int64_t n, T* to,
               int64_t to_row) {
  constexpr int64_t kBlock = 256 / sizeof(T);
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t width = n - begin < kBlock ? n - begin : kBlock;
    for (int64_t i = 0; i < points.count; ++i) {
      const T* const point = points.at + i * points.row;
      T sums[kBlock] = {};
      for (int64_t m = 0; m < k; ++m) {
        const T x = point[m * points.step];
        const T* const others = columns + m * stride + begin;
        if (width == kBlock) {
          for (int64_t j = 0; j < kBlock; ++j) sums[j] = step<metric>(sums[j], others[j] - x);
        } else {
          for (int64_t j = 0; j < width; ++j) sums[j] = step<metric>(sums[j], others[j] - x);
        }
      }
      T* const out = to + i * to_row + begin;
      for (int64_t j = 0; j < width; ++j) out[j] = metric == Metric::Two ? root(sums[j]) : sums[j];
    }
  }
}

// The derivative of a distance d by the difference of two elements, times `weight`: the distance's gradient,
// or of Euclidean ones that divided by d.
template <Metric metric, class T>
PLAIT_INLINE T derivative(T difference, T weight, T d) {
  if constexpr (metric == Metric::Two) {
    return weight * difference;
  } else {
    const T slope = vec::select(difference > 0, weight, -weight);
    const bool counts = metric == Metric::One || magnitude(difference) == d;
    return vec::select((difference != 0) & counts, slope, T(0));
  }
}

template <Metric metric, class T>
void gradient(const Points<T>& points, const T* columns, int64_t k, int64_t n, const T* d, const T* g,
              T* to) {
  constexpr int64_t kBlock = 512, kLanes = 256 / sizeof(T);
  for (int64_t i = 0; i < points.count * k; ++i) to[i] = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t width = n - begin < kBlock ? n - begin : kBlock, whole = width / kLanes * kLanes;
    for (int64_t i = 0; i < points.count; ++i) {
      const T *const distance = d + i * n + begin, *const weight = g + i * n + begin;
      T weights[kBlock];
      for (int64_t j = 0; j < width; ++j) {
        weights[j] = weight[j];
        if constexpr (metric == Metric::Two) weights[j] = distance[j] == 0 ? T(0) : weight[j] / distance[j];
      }
      for (int64_t m = 0; m < k; ++m) {
        const T x = points.at[i * points.row + m * points.step];
        const T* const others = columns + m * n + begin;
        T sums[kLanes] = {}, sum = 0;
        for (int64_t j = 0; j < whole; j += kLanes)
          for (int64_t l = 0; l < kLanes; ++l)
            sums[l] += derivative<metric>(x - others[j + l], weights[j + l], distance[j + l]);
        for (int64_t j = whole; j < width; ++j)
          sum += derivative<metric>(x - others[j], weights[j], distance[j]);
        for (int64_t half = kLanes / 2; half > 0; half /= 2)
          for (int64_t l = 0; l < half; ++l) sums[l] += sums[l + half];
        to[i * k + m] += sums[0] + sum;
      }
    }
  }
}

template <Metric metric, class T>
constexpr DistanceLoops<T> loops = {&distances<metric, T>, &gradient<metric, T>};

}  // namespace

namespace PLAIT_ISA {
extern constinit const DistanceTable distance_table = {
    {loops<Metric::One, float>, loops<Metric::Two, float>, loops<Metric::Max, float>},
    {loops<Metric::One, double>, loops<Metric::Two, double>, loops<Metric::Max, double>}};
}

}  // namespace plait::cpu
