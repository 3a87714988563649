#include "ops/cpu/rows.h"
#include "ops/cpu/unary.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

constexpr LoopTable<Trig> make_table() {
  LoopTable<Trig> t{};
  row<Trig::Sin>(t, Floats{}, vec::Sin{});
  row<Trig::Cos>(t, Floats{}, vec::Cos{});
  row<Trig::Tan>(t, Floats{}, vec::Tan{});
  row<Trig::Sinc>(t, Floats{}, costly([](auto x) {
                    // By the distance from the nearest whole number, which is exact, where pi x would be
                    // rounded.
                    using T = decltype(x);
                    const T whole = vec::round(x), half = whole * T(0.5);
                    const T sine = vec::Sin::fast((x - whole) * T(M_PI));
                    const T signed_sine = vec::select(half == vec::floor(half), sine, -sine);
                    return vec::select(x == T(0), T(1), signed_sine / (x * T(M_PI)));
                  }));
  row<Trig::Asin>(t, Floats{}, costly([](auto x) { return vec::asin(x); }));
  row<Trig::Acos>(t, Floats{}, costly([](auto x) { return vec::acos(x); }));
  row<Trig::Atan>(t, Floats{}, costly([](auto x) { return vec::atan(x); }));
  row<Trig::Sinh>(t, Floats{}, costly([](auto x) { return vec::sinh(x); }));
  row<Trig::Cosh>(t, Floats{}, costly([](auto x) { return vec::cosh(x); }));
  row<Trig::Tanh>(t, Floats{}, costly([](auto x) { return vec::tanh(x); }));
  row<Trig::Asinh>(t, Floats{}, costly([](auto x) { return vec::asinh(x); }));
  row<Trig::Acosh>(t, Floats{}, costly([](auto x) { return vec::acosh(x); }));
  row<Trig::Atanh>(t, Floats{}, costly([](auto x) { return vec::atanh(x); }));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Trig> trig_table = make_table();
}

}  // namespace plait::cpu
