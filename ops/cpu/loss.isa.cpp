#include "ops/cpu/loss.h"

#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

template <class T>
double squared_distance(const T* a, const T* b, int64_t n) {
  constexpr int64_t kBlock = 4096;  // summed in T, with rounding errors of a few; blocks are summed in double
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    ChainedSum<T> sum;
    const T *x = a + begin, *y = b + begin;
    over_values<T>(
        n - begin < kBlock ? n - begin : kBlock, [&](auto at) __attribute__((always_inline)) {
          const auto d = at.load(x) - at.load(y);
          at.add(sum, d * d);
        });
    total += static_cast<double>(sum.total());
  }
  return total;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LossTable loss_table = {squared_distance<float>, squared_distance<double>};
}

}  // namespace plait::cpu
