#include "ops/cpu/compare.h"
#include "ops/cpu/blocks.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

template <class T>
PLAIT_INLINE bool truth(T x) {
  return x != T(0);
}

constexpr LoopTable<Compare> make_compare_table() {
  LoopTable<Compare> t{};
  const auto equal = [](auto a, auto b) { return a == b; };
  const auto not_equal = [](auto a, auto b) { return a != b; };
  cheap_row<Compare::Equal, bool>(t, Reals{}, equal);
  row_to<Compare::Equal, bool, 2>(t, Complexes{}, equal);
  cheap_row<Compare::NotEqual, bool>(t, Reals{}, not_equal);
  row_to<Compare::NotEqual, bool, 2>(t, Complexes{}, not_equal);
  cheap_row<Compare::Less, bool>(t, Reals{}, [](auto a, auto b) { return a < b; });
  cheap_row<Compare::LessEqual, bool>(t, Reals{}, [](auto a, auto b) { return a <= b; });
  const auto logical_and = [](auto a, auto b) { return truth(a) & truth(b); };
  const auto logical_or = [](auto a, auto b) { return truth(a) | truth(b); };
  const auto logical_xor = [](auto a, auto b) { return truth(a) != truth(b); };
  cheap_row<Compare::And, bool>(t, Reals{}, logical_and);
  row_to<Compare::And, bool, 2>(t, Complexes{}, logical_and);
  cheap_row<Compare::Or, bool>(t, Reals{}, logical_or);
  row_to<Compare::Or, bool, 2>(t, Complexes{}, logical_or);
  cheap_row<Compare::Xor, bool>(t, Reals{}, logical_xor);
  row_to<Compare::Xor, bool, 2>(t, Complexes{}, logical_xor);
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
  row_to<Test::Nan, bool>(t, Floats{}, [](auto x) { return is_nan(x); });
  row_to<Test::Nan, bool>(t, Complexes{}, [](auto z) { return is_nan(z.real()) | is_nan(z.imag()); });
  row_to<Test::Inf, bool>(t, Floats{}, [](auto x) { return is_inf(x); });
  row_to<Test::Inf, bool>(t, Complexes{}, [](auto z) { return is_inf(z.real()) | is_inf(z.imag()); });
  row_to<Test::Finite, bool>(t, Floats{}, [](auto x) { return is_finite(x); });
  row_to<Test::Finite, bool>(t, Complexes{},
                             [](auto z) { return is_finite(z.real()) & is_finite(z.imag()); });
  row_to<Test::Negative, bool>(t, Types<int8_t, int16_t, int32_t, int64_t>{}, [](auto x) { return x < 0; });
  row_to<Test::Negative, bool>(t, Floats{},
                               [](auto x) { return (vec::to_bits(x) >> (8 * sizeof(x) - 1)) != 0; });
  const auto is_zero = [](auto x) { return !truth(x); };
  row_to<Test::Not, bool>(t, RealNumbers{}, is_zero);
  t.loops[static_cast<int>(Test::Not)][static_cast<int>(DType::Bool)] =
      &elementwise<decltype(is_zero), uint8_t, uint8_t>;  // bytes are vector elements, bools not
  row_to<Test::Not, bool>(t, Complexes{}, [](auto x) { return !truth(x); });
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Compare> compare_table = make_compare_table();
extern constinit const LoopTable<Test> test_table = make_test_table();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
