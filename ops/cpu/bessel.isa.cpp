// Bessel functions as vector code. What is computed depends on a block of numbers: where all of them are
// small, as they are most often, the form of small arguments is enough; where not, each number takes both.
#include "ops/cpu/bessel.h"

#include <math.h>  // j0 and its like, which are not in std

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/bessel.h"
#include "ops/special_bessel.h"

namespace plait::cpu {
namespace {

using fn::Bessel;
using Function = double (*)(double);

// ---- of the first kind, modified: both intervals of ops/special_bessel.h for every element

// exp(-|x|) times the function.
template <Function Small, Function Large, bool Odd>
PLAIT_INLINE double scaled(double x) {
  const double a = vec::abs(x);
  const bool small = a <= 8;
  const double near = Odd ? Small(a / 4 - 1) * a : Small(a / 4 - 1);
  const double far = Large(16 / a - 1) / vec::sqrt(a);
  const double y = vec::select(small, near, far);
  return Odd ? vec::copysign(y, x) : y;
}
template <Function Small, Function Large, bool Odd>
struct Scaled {
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(scaled<Small, Large, Odd>(x));
  }
};
// In two factors: exp(x) alone overflows before the function does.
template <Function Small, Function Large, bool Odd>
struct Unscaled {
  template <class T>
  T operator()(T x) const {
    const double half = vec::exp(vec::abs(static_cast<double>(x)) / 2);
    return static_cast<T>(half * scaled<Small, Large, Odd>(x) * half);
  }
};

// ---- the others

template <class T>
PLAIT_INLINE bool all_within(const T* x, int64_t n, T limit) {
  int beyond = 0;
  for (int64_t i = 0; i < n; ++i) beyond |= vec::abs(x[i]) > limit ? 1 : 0;  // NaN is within
  return beyond == 0;
}

// J and Y; those of odd order are odd. Library is the function of all arguments.
template <Function Small, Function Large, Function Library, bool FirstKind, bool Odd>
struct Oscillating {
  PLAIT_INLINE static double whole(double x, double of_magnitude) {
    if constexpr (!FirstKind) return vec::select(x < 0, vec::kNaN<double>, of_magnitude);
    return Odd ? of_magnitude * vec::copysign(1.0, x) : of_magnitude;
  }
  template <class T>
  PLAIT_INLINE static void block(T* y, int64_t n, const T* x) {
    if (all_within(x, n, T(vec::kSmallBessel))) {
      for (int64_t i = 0; i < n; ++i) {
        const double of = x[i];
        y[i] = static_cast<T>(whole(of, Small(vec::abs(of))));
      }
    } else if (all_within(x, n, T(vec::kLargeBessel))) {
      for (int64_t i = 0; i < n; ++i) {
        const double of = x[i], a = vec::abs(of);
        y[i] = static_cast<T>(whole(of, vec::select(a <= vec::kSmallBessel, Small(a), Large(a))));
      }
    } else {
      for (int64_t i = 0; i < n; ++i) {
        const double of = x[i];
        y[i] = static_cast<T>(of != of ? of : whole(of, Library(vec::abs(of))));
      }
    }
  }
};

// K, not defined for negative numbers.
template <Function Small, Function Large, bool TimesExp>
struct Decaying {
  PLAIT_INLINE static double small(double x) { return TimesExp ? Small(x) * vec::exp(x) : Small(x); }
  PLAIT_INLINE static double large(double x) { return TimesExp ? Large(x) : Large(x) * vec::exp(-x); }
  template <class T>
  PLAIT_INLINE static void block(T* y, int64_t n, const T* x) {
    if (all_within(x, n, T(vec::kSmallModified))) {
      for (int64_t i = 0; i < n; ++i) {
        const double of = x[i];
        y[i] = static_cast<T>(vec::select(of < 0, vec::kNaN<double>, small(of)));
      }
    } else {
      for (int64_t i = 0; i < n; ++i) {
        const double of = x[i];
        const double magnitude = vec::select(of <= vec::kSmallModified, small(of), large(of));
        y[i] = static_cast<T>(vec::select(of < 0, vec::kNaN<double>, magnitude));
      }
    }
  }
};

// sin(x) / x.
struct SphericalJ0 {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return vec::Sin::in_range(static_cast<double>(x));
  }
  template <class T>
  PLAIT_INLINE static T fast(T value) {
    const double x = value, sine = vec::Sin::fast(x) / x;
    return static_cast<T>(vec::select(x == 0, 1.0, sine));
  }
  template <class T>
  PLAIT_INLINE static T slow(T x) {
    return static_cast<T>(special::spherical_j0(x));
  }
};

constexpr LoopTable<Bessel> make_table() {
  using namespace special;
  LoopTable<Bessel> t{};
  row<Bessel::I0>(t, Floats{}, costly(Unscaled<i0e_small, i0e_large, false>{}));
  row<Bessel::I0e>(t, Floats{}, costly(Scaled<i0e_small, i0e_large, false>{}));
  row<Bessel::I1>(t, Floats{}, costly(Unscaled<i1e_small, i1e_large, true>{}));
  row<Bessel::I1e>(t, Floats{}, costly(Scaled<i1e_small, i1e_large, true>{}));
  row<Bessel::J0>(t, Floats{}, Oscillating<vec::j0_small, vec::j0_large, ::j0, true, false>{});
  row<Bessel::J1>(t, Floats{}, Oscillating<vec::j1_small, vec::j1_large, ::j1, true, true>{});
  row<Bessel::Y0>(t, Floats{}, Oscillating<vec::y0_small, vec::y0_large, ::y0, false, false>{});
  row<Bessel::Y1>(t, Floats{}, Oscillating<vec::y1_small, vec::y1_large, ::y1, false, false>{});
  row<Bessel::K0>(t, Floats{}, Decaying<vec::k0_small, vec::k0_large, false>{});
  row<Bessel::K0e>(t, Floats{}, Decaying<vec::k0_small, vec::k0_large, true>{});
  row<Bessel::K1>(t, Floats{}, Decaying<vec::k1_small, vec::k1_large, false>{});
  row<Bessel::K1e>(t, Floats{}, Decaying<vec::k1_small, vec::k1_large, true>{});
  row<Bessel::SphericalJ0>(t, Floats{}, SphericalJ0{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Bessel> bessel_table = make_table();
}

}  // namespace plait::cpu
