// Modified Bessel functions of the first kind: both intervals of ops/special_bessel.h for every element, as
// vector code.
#include "ops/cpu/bessel.h"
#include "ops/cpu/blocks.h"
#include "ops/cpu/vecmath/explog.h"
#include "ops/special_bessel.h"

namespace plait::cpu {
namespace {

using Chebyshev = double (*)(double);

// exp(-|x|) times the function.
template <Chebyshev Small, Chebyshev Large, bool Odd>
PLAIT_INLINE double scaled(double x) {
  const double a = vec::abs(x);
  const bool small = a <= 8;
  const double near = Odd ? Small(a / 4 - 1) * a : Small(a / 4 - 1);
  const double far = Large(16 / a - 1) / vec::sqrt(a);
  const double y = vec::select(small, near, far);
  return Odd ? vec::copysign(y, x) : y;
}
template <Chebyshev Small, Chebyshev Large, bool Odd>
struct Scaled {
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(scaled<Small, Large, Odd>(x));
  }
};
// In two factors: exp(x) alone overflows before the function does.
template <Chebyshev Small, Chebyshev Large, bool Odd>
struct Unscaled {
  template <class T>
  T operator()(T x) const {
    const double half = vec::exp(vec::abs(static_cast<double>(x)) / 2);
    return static_cast<T>(half * scaled<Small, Large, Odd>(x) * half);
  }
};

constexpr LoopTable<ModifiedBessel> make_table() {
  using namespace special;
  LoopTable<ModifiedBessel> t{};
  row<ModifiedBessel::I0>(t, Floats{}, Unscaled<i0e_small, i0e_large, false>{});
  row<ModifiedBessel::I0e>(t, Floats{}, Scaled<i0e_small, i0e_large, false>{});
  row<ModifiedBessel::I1>(t, Floats{}, Unscaled<i1e_small, i1e_large, true>{});
  row<ModifiedBessel::I1e>(t, Floats{}, Scaled<i1e_small, i1e_large, true>{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<ModifiedBessel> modified_bessel_table = make_table();
}

}  // namespace plait::cpu
