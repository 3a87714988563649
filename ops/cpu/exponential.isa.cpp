#include "ops/cpu/rows.h"
#include "ops/cpu/unary.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

constexpr LoopTable<Explog> make_table() {
  LoopTable<Explog> t{};
  row<Explog::Exp>(t, Floats{}, costly([](auto x) { return vec::exp(x); }));
  row<Explog::Exp2>(t, Floats{}, costly([](auto x) { return vec::exp2(x); }));
  row<Explog::Expm1>(t, Floats{}, costly([](auto x) { return vec::expm1(x); }));
  row<Explog::Log>(t, Floats{}, costly([](auto x) { return vec::log(x); }));
  row<Explog::Log2>(t, Floats{}, costly([](auto x) { return vec::log2(x); }));
  row<Explog::Log10>(t, Floats{}, costly([](auto x) { return vec::log10(x); }));
  row<Explog::Log1p>(t, Floats{}, costly([](auto x) { return vec::log1p(x); }));
  row<Explog::Sigmoid>(t, Floats{}, costly([](auto x) { return vec::sigmoid(x); }));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Explog> explog_table = make_table();
}

}  // namespace plait::cpu
