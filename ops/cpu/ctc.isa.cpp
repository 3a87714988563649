#include "ops/cpu/ctc.h"

#include "ops/cpu/vecmath/explog.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <class T>
void step(const T* from, const T* barred, const T* emitted, int64_t n, T* to) {
#pragma omp simd
  for (int64_t s = 0; s < n; ++s) {
    const T a = from[s], b = from[s - 1], c = from[s - 2] + barred[s];
    const T ab = a > b ? a : b, most = ab > c ? ab : c;
    const T sum = vec::exp(a - most) + vec::exp(b - most) + vec::exp(c - most);
    const T found = most + vec::log(sum) + emitted[s];
    to[s] = found < T(kCtcLow) ? T(kCtcLow) : found;
  }
}

template <class T>
void share(const T* before, const T* after, const T* emitted, T total, int64_t n, T* to) {
#pragma omp simd
  for (int64_t s = 0; s < n; ++s) to[s] = vec::exp(before[s] + after[n - 1 - s] - emitted[s] - total);
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const CtcTable ctc_table = {{step<float>, share<float>}, {step<double>, share<double>}};
}

}  // namespace plait::cpu
