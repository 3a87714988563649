#include "ops/cpu/amp.h"

#include "core/dtype.h"

namespace plait::cpu {
namespace {

template <class T>
bool unscale(char* data, int64_t n, float factor) {
  using C = compute_t<T>;
  T* x = reinterpret_cast<T*>(data);
  const C by = factor;
  int bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    const C v = static_cast<C>(x[i]);
    bad |= !(v - v == C(0));  // infinity less infinity is NaN
    x[i] = static_cast<T>(v * by);
  }
  return bad != 0;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const AmpTable amp_table = {
    {unscale<Half>, unscale<BFloat16>, unscale<float>, unscale<double>}};
}

}  // namespace plait::cpu
