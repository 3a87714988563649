// What leads from complex numbers to real ones and back.
#include "ops/cpu/complex.h"
#include "ops/cpu/loops.h"
#include "ops/cpu/vecmath/power.h"
#include "ops/cpu/vecmath/trig.h"

namespace plait::cpu {
namespace {

struct Modulus {
  template <class T>
  T operator()(Pair<T> z) const {
    return vec::hypot(z.re, z.im);
  }
};
struct Phase {
  template <class T>
  T operator()(Pair<T> z) const {
    return vec::atan2(z.im, z.re);
  }
};
struct Join {
  template <class T>
  Pair<T> operator()(T x, T y) const {
    return {x, y};
  }
};

}  // namespace

namespace PLAIT_ISA {
extern constinit const ComplexParts complex_parts = {
    .modulus = {&elementwise<Modulus, float, complex64>, &elementwise<Modulus, double, complex128>},
    .argument = {&elementwise<Phase, float, complex64>, &elementwise<Phase, double, complex128>},
    .join = {&elementwise<Join, complex64, float, float>, &elementwise<Join, complex128, double, double>},
};
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
