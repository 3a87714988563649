#include "ops/cpu/rows.h"
#include "ops/cpu/unary.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

constexpr LoopTable<Special> make_table() {
  LoopTable<Special> t{};
  row<Special::Erf>(t, Floats{}, costly([](auto x) { return vec::erf(x); }));
  row<Special::Erfc>(t, Floats{}, costly([](auto x) { return vec::erfc(x); }));
  row<Special::Erfinv>(t, Floats{}, costly([](auto x) { return vec::erfinv(x); }));
  row<Special::Entr>(t, Floats{}, costly([](auto x) {
                       using T = decltype(x);
                       const T outside = vec::select(x < T(0), -vec::kInfinity<T>, x);  // 0, NaN
                       return vec::select(x > T(0), T(0) - x * vec::log(x), outside);
                     }));
  row<Special::Lgamma>(t, Floats{}, costly([](auto x) { return vec::lgamma(x); }));
  row<Special::Digamma>(t, Floats{}, costly([](auto x) { return vec::digamma(x); }));
  row<Special::Trigamma>(t, Floats{}, costly([](auto x) { return vec::trigamma(x); }));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Special> special_table = make_table();
}

}  // namespace plait::cpu
