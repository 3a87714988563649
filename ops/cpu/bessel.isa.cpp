// Bessel functions as vector code, in double. What is computed depends on a block of numbers: where all of
// them are small, as they are most often, the form of small arguments is enough; where not, each number takes
// both.
#include "ops/cpu/bessel.h"

#include <math.h>  // j0 and its like, which are not in std

#include "ops/cpu/rows.h"
#include "ops/cpu/vecmath/bessel.h"
#include "ops/special_bessel.h"

namespace plait::cpu {
namespace {

using fn::Bessel;
using Function = double (*)(double);

constexpr int64_t kNumbers = 256;

PLAIT_INLINE bool all_within(const double* x, int64_t n, double limit) {
  int beyond = 0;
  for (int64_t i = 0; i < n; ++i) beyond |= vec::abs(x[i]) > limit ? 1 : 0;  // NaN is within
  return beyond == 0;
}

// n <= kNumbers of them; F has
//   near(x)    the function where |x| <= F::kNear
//   far(x)     and elsewhere, up to F::kFar
//   beyond(x)  and there, one by one.
template <class F>
__attribute__((noinline)) void evaluate(const double* x, double* y, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = F::near(x[i]);
  if (all_within(x, n, F::kNear)) return;
  if (all_within(x, n, F::kFar)) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = vec::select(vec::abs(x[i]) <= F::kNear, y[i], F::far(x[i]));
  } else if constexpr (requires { F::beyond(0.0); }) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] != x[i] ? x[i] : F::beyond(x[i]);
  }
}
template <class F>
struct InDouble {
  template <class T>
  PLAIT_INLINE static void block(T* y, int64_t n, const T* x) {
    double numbers[kNumbers], results[kNumbers];
    for (int64_t begin = 0; begin < n; begin += kNumbers) {
      const int64_t m = n - begin < kNumbers ? n - begin : kNumbers;
      for (int64_t i = 0; i < m; ++i) numbers[i] = static_cast<double>(x[begin + i]);
      evaluate<F>(numbers, results, m);
      for (int64_t i = 0; i < m; ++i) y[begin + i] = static_cast<T>(results[i]);
    }
  }
};

// Of the first kind, modified, times exp(-|x|): the two intervals of ops/special_bessel.h.
template <Function Small, Function Large, bool Odd>
struct Scaled {
  static constexpr double kNear = 8, kFar = vec::kInfinity<double>;
  PLAIT_INLINE static double near(double x) {
    const double small = Small(vec::abs(x) / 4 - 1);
    return Odd ? small * x : small;
  }
  PLAIT_INLINE static double far(double x) {
    const double a = vec::abs(x), large = Large(16 / a - 1) / vec::sqrt(a);
    return Odd ? vec::copysign(large, x) : large;
  }
};
// In two factors: exp(x) alone overflows before the function does.
template <Function Small, Function Large, bool Odd>
struct Unscaled {
  using Of = Scaled<Small, Large, Odd>;
  static constexpr double kNear = Of::kNear, kFar = Of::kFar;
  PLAIT_INLINE static double times_exp(double scaled, double x) {
    const double half = vec::exp(vec::abs(x) / 2);
    return half * scaled * half;
  }
  PLAIT_INLINE static double near(double x) { return times_exp(Of::near(x), x); }
  PLAIT_INLINE static double far(double x) { return times_exp(Of::far(x), x); }
};

// J and Y; those of odd order are odd. Library is the function of all arguments.
template <Function Small, Function Large, Function Library, bool FirstKind, bool Odd>
struct Oscillating {
  static constexpr double kNear = vec::kSmallBessel, kFar = vec::kLargeBessel;
  PLAIT_INLINE static double whole(double x, double of_magnitude) {
    if constexpr (!FirstKind) return vec::select(x < 0, vec::kNaN<double>, of_magnitude);
    return Odd ? of_magnitude * vec::copysign(1.0, x) : of_magnitude;
  }
  PLAIT_INLINE static double near(double x) { return whole(x, Small(vec::abs(x))); }
  PLAIT_INLINE static double far(double x) { return whole(x, Large(vec::abs(x))); }
  static double beyond(double x) { return whole(x, Library(vec::abs(x))); }
};

// K, not defined for negative numbers.
template <Function Small, Function Large, bool TimesExp>
struct Decaying {
  static constexpr double kNear = vec::kSmallModified, kFar = vec::kInfinity<double>;
  PLAIT_INLINE static double near(double x) {
    return vec::select(x < 0, vec::kNaN<double>, TimesExp ? Small(x) * vec::exp(x) : Small(x));
  }
  PLAIT_INLINE static double far(double x) {
    return vec::select(x < 0, vec::kNaN<double>, TimesExp ? Large(x) : Large(x) * vec::exp(-x));
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
  row<Bessel::I0>(t, Floats{}, InDouble<Unscaled<i0e_small, i0e_large, false>>{});
  row<Bessel::I0e>(t, Floats{}, InDouble<Scaled<i0e_small, i0e_large, false>>{});
  row<Bessel::I1>(t, Floats{}, InDouble<Unscaled<i1e_small, i1e_large, true>>{});
  row<Bessel::I1e>(t, Floats{}, InDouble<Scaled<i1e_small, i1e_large, true>>{});
  row<Bessel::J0>(t, Floats{}, InDouble<Oscillating<vec::j0_small, vec::j0_large, ::j0, true, false>>{});
  row<Bessel::J1>(t, Floats{}, InDouble<Oscillating<vec::j1_small, vec::j1_large, ::j1, true, true>>{});
  row<Bessel::Y0>(t, Floats{}, InDouble<Oscillating<vec::y0_small, vec::y0_large, ::y0, false, false>>{});
  row<Bessel::Y1>(t, Floats{}, InDouble<Oscillating<vec::y1_small, vec::y1_large, ::y1, false, false>>{});
  row<Bessel::K0>(t, Floats{}, InDouble<Decaying<vec::k0_small, vec::k0_large, false>>{});
  row<Bessel::K0e>(t, Floats{}, InDouble<Decaying<vec::k0_small, vec::k0_large, true>>{});
  row<Bessel::K1>(t, Floats{}, InDouble<Decaying<vec::k1_small, vec::k1_large, false>>{});
  row<Bessel::K1e>(t, Floats{}, InDouble<Decaying<vec::k1_small, vec::k1_large, true>>{});
  row<Bessel::SphericalJ0>(t, Floats{}, SphericalJ0{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Bessel> bessel_table = make_table();
}

}  // namespace plait::cpu
