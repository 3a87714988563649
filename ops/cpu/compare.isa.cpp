#include "ops/cpu/compare.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

template <class T>
PLAIT_INLINE bool truth(T x) {
  return x != T(0);
}
template <class T>
PLAIT_INLINE bool truth(Pair<T> z) {
  return (z.re != T(0)) | (z.im != T(0));
}

constexpr LoopTable<Compare> make_compare_table() {
  LoopTable<Compare> t{};
  const auto equal = [](auto a, auto b) { return a == b; };
  const auto not_equal = [](auto a, auto b) { return a != b; };
  row<Compare::Equal, bool>(t, Reals{}, equal);
  row<Compare::Equal, bool>(t, Complexes{}, equal);
  row<Compare::NotEqual, bool>(t, Reals{}, not_equal);
  row<Compare::NotEqual, bool>(t, Complexes{}, not_equal);
  row<Compare::Less, bool>(t, Reals{}, [](auto a, auto b) { return a < b; });
  row<Compare::LessEqual, bool>(t, Reals{}, [](auto a, auto b) { return a <= b; });
  const auto logical_and = [](auto a, auto b) { return truth(a) & truth(b); };
  const auto logical_or = [](auto a, auto b) { return truth(a) | truth(b); };
  const auto logical_xor = [](auto a, auto b) { return truth(a) != truth(b); };
  row<Compare::And, bool>(t, Reals{}, logical_and);
  row<Compare::And, bool>(t, Complexes{}, logical_and);
  row<Compare::Or, bool>(t, Reals{}, logical_or);
  row<Compare::Or, bool>(t, Complexes{}, logical_or);
  row<Compare::Xor, bool>(t, Reals{}, logical_xor);
  row<Compare::Xor, bool>(t, Complexes{}, logical_xor);
  return t;
}

template <class T>
PLAIT_INLINE bool is_nan(T x) {
  return x != x;
}
template <class T>
PLAIT_INLINE bool is_inf(T x) {
  return vec::abs(x) == vec::kInfinity<T>;
}
template <class T>
PLAIT_INLINE bool is_finite(T x) {
  return vec::abs(x) < vec::kInfinity<T>;
}

constexpr LoopTable<Test> make_test_table() {
  LoopTable<Test> t{};
  row<Test::Nan, bool>(t, Floats{}, [](auto x) { return is_nan(x); });
  row<Test::Nan, bool>(t, Complexes{}, [](auto z) { return is_nan(z.re) | is_nan(z.im); });
  row<Test::Inf, bool>(t, Floats{}, [](auto x) { return is_inf(x); });
  row<Test::Inf, bool>(t, Complexes{}, [](auto z) { return is_inf(z.re) | is_inf(z.im); });
  row<Test::Finite, bool>(t, Floats{}, [](auto x) { return is_finite(x); });
  row<Test::Finite, bool>(t, Complexes{}, [](auto z) { return is_finite(z.re) & is_finite(z.im); });
  row<Test::Negative, bool>(t, Signed{}, [](auto x) { return x < 0; });
  row<Test::Negative, bool>(t, Floats{},
                            [](auto x) { return (vec::to_bits(x) >> (8 * sizeof(x) - 1)) != 0; });
  const auto is_zero = [](auto x) { return !truth(x); };
  row<Test::Not, bool>(t, Reals{}, is_zero);
  row<Test::Not, bool>(t, Complexes{}, is_zero);
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Compare> compare_table = make_compare_table();
extern constinit const LoopTable<Test> test_table = make_test_table();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
