#include "ops/cpu/random.h"

#include "ops/cpu/random_math.h"

namespace plait::cpu {
namespace {

template <class T>
void uniform(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n) {
  vec::fill_uniform(seed, offset, first, out, n);
}
template <class T>
void normal(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n) {
  vec::fill_normal(seed, offset, first, out, n);
}
template <class T>
void exponential(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n) {
  vec::fill_exponential(seed, offset, first, out, n);
}
template <class T>
void dropout(uint64_t seed, uint64_t offset, uint64_t first, const T* x, T* out, int64_t n, double p) {
  const T scale = static_cast<T>(p < 1 ? 1 / (1 - p) : 0), threshold = static_cast<T>(p);
  T u[vec::kRandomBlock];
  for (int64_t begin = 0; begin < n; begin += vec::kRandomBlock) {
    const int64_t count = n - begin < vec::kRandomBlock ? n - begin : vec::kRandomBlock;
    vec::fill_uniform(seed, offset, first + static_cast<uint64_t>(begin), u, count);
    for (int64_t i = 0; i < count; ++i) out[begin + i] = u[i] >= threshold ? x[begin + i] * scale : T(0);
  }
}
void bounded(uint64_t seed, uint64_t offset, uint64_t first, int64_t low, uint64_t range, int64_t* out,
             int64_t n) {
  vec::fill_bounded(seed, offset, first, low, range, out, n);
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const RandomTable random_table = {
    {uniform<float>, normal<float>, exponential<float>, dropout<float>},
    {uniform<double>, normal<double>, exponential<double>, dropout<double>},
    bounded};
}

}  // namespace plait::cpu
