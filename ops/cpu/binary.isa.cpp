#include "ops/cpu/binary.h"
#include "ops/cpu/rows.h"

namespace plait::cpu {
namespace {

constexpr NumberTable<Binary> make_table() {
  NumberTable<Binary> t{};
  const auto add = [](auto a, auto b) { return a + b; };
  const auto sub = [](auto a, auto b) { return a - b; };
  const auto mul = [](auto a, auto b) { return a * b; };
  const auto div = [](auto a, auto b) { return a / b; };
  number_row<Binary::Add>(t, add);
  number_row<Binary::Sub>(t, sub);
  number_row<Binary::Mul>(t, mul);
  number_row<Binary::Div>(t, div);
  row<Binary::Add>(t.same, Ints{}, add);
  row<Binary::Sub>(t.same, Ints{}, sub);
  row<Binary::Mul>(t.same, Ints{}, mul);
  row<Binary::Add>(t.same, Complexes{}, add);
  row<Binary::Sub>(t.same, Complexes{}, sub);
  row<Binary::Mul>(t.same, Complexes{}, mul);
  row<Binary::Div>(t.same, Complexes{}, div);
  row<Binary::Add>(t.same, Types<bool>{}, [](auto a, auto b) { return (a | b) != 0; });
  row<Binary::Mul>(t.same, Types<bool>{}, [](auto a, auto b) { return (a != 0) & (b != 0); });
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const NumberTable<Binary> binary_table = make_table();
}

}  // namespace plait::cpu
