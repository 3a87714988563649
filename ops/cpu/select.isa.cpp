#include "ops/cpu/select.h"

#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <bool Largest, class T>
PLAIT_INLINE bool may_be_best(T x, T worst) {
  return Largest ? !(x < worst) : !(x > worst);
}

template <bool Largest, class T>
Candidates next_run(const T* x, int64_t begin, int64_t end, T worst) {
  constexpr int64_t kRun = Candidates::kRun;
  for (; begin + kRun <= end; begin += kRun) {
    const T* run = x + begin;
    int found = 0;
    for (int64_t i = 0; i < kRun; ++i) found |= may_be_best<Largest>(run[i], worst) ? 1 : 0;
    if (found == 0) continue;
    uint8_t flags[kRun];
    for (int64_t i = 0; i < kRun; ++i) flags[i] = may_be_best<Largest>(run[i], worst) ? 1 : 0;
    uint32_t which = 0;
    for (int64_t byte = 0; byte < kRun / 8; ++byte) {  // eight flags become eight bits
      uint64_t eight;
      __builtin_memcpy(&eight, flags + 8 * byte, sizeof(eight));
      which |= static_cast<uint32_t>(eight * 0x0102040810204080u >> 56) << (8 * byte);
    }
    return {begin, which};
  }
  return {begin, 0};
}

template <class T>
Candidates next(const void* x, int64_t begin, int64_t end, const void* worst, bool largest) {
  T bound;
  __builtin_memcpy(&bound, worst, sizeof(T));
  const T* row = static_cast<const T*>(x);
  return largest ? next_run<true>(row, begin, end, bound) : next_run<false>(row, begin, end, bound);
}

constexpr SelectTable make_table() {
  SelectTable t{};
  const auto add = [&]<class... T>() { ((t.next[static_cast<int>(dtype_of<T>)] = next<T>), ...); };
  add.template operator()<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, float, double>();
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const SelectTable select_table = make_table();
}

}  // namespace plait::cpu
