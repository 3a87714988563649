#include "ops/cpu/distances.h"

#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <class T>
PLAIT_INLINE T root(T x) {
  if constexpr (sizeof(T) == sizeof(float))
    return __builtin_sqrtf(x);
  else
    return __builtin_sqrt(x);
}

template <class T>
void euclidean(const T* columns, int64_t k, int64_t n, int64_t own, int64_t first, int64_t count, T* to) {
  constexpr int64_t kBlock = 256 / sizeof(T);
  for (int64_t j0 = 0; j0 < count; j0 += kBlock) {
    const int64_t width = count - j0 < kBlock ? count - j0 : kBlock;
    T sums[kBlock] = {};
    for (int64_t m = 0; m < k; ++m) {
      const T* const row = columns + m * n;
      const T x = row[own];
      const T* const others = row + first + j0;
      if (width == kBlock) {
        for (int64_t j = 0; j < kBlock; ++j) sums[j] += (others[j] - x) * (others[j] - x);
      } else {
        for (int64_t j = 0; j < width; ++j) sums[j] += (others[j] - x) * (others[j] - x);
      }
    }
    for (int64_t j = 0; j < width; ++j) to[j0 + j] = root(sums[j]);
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const DistanceTable distance_table = {{&euclidean<float>}, {&euclidean<double>}};
}

}  // namespace plait::cpu
