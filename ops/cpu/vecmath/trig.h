// Sine, cosine, tangent and their inverses.
//
// sin, cos and tan come in parts. `fast` is branch-free and holds for |x| up to kTrigLimit: float arguments
// are reduced in double, double arguments by pi/2 in three parts (Cody and Waite). Beyond it the argument
// needs hundreds of bits of pi, which libm has. Floats that are not large, the usual case,
// have `near`, where pi/2 in four floats will do. So: `map_block<Sin>(x, y, n)` for loops (vector code unless
// a block really holds such an argument), and `sin(x)` for single values, right everywhere but with a branch
// that keeps a loop over it from being vectorised.
#pragma once

#include <cmath>

#include "ops/cpu/vecmath/base.h"

namespace plait::vec {
namespace {

template <class T>
inline constexpr T kTrigLimit = is_float<T> ? T(0x1p22) : T(0x1p17);

// sin(r) = r + r z S(z), cos(r) = 1 - z / 2 + z^2 C(z), z = r^2, |r| <= pi / 4.
// Errors: float 2^-28, 2^-33; double 2^-58, 2^-64; `tan_` ones in double for float results 2^-37, 2^-43.
PLAIT_INLINE float sin_tail(float z) { return poly(z, -0.166666552f, 0.00833217427f, -0.000195166853f); }
PLAIT_INLINE float cos_tail(float z) { return poly(z, 0.0416666456f, -0.0013887363f, 2.44378334e-05f); }
PLAIT_INLINE double sin_tail(double z) {
  return poly(z, -0.16666666666666632, 0.00833333333332233, -0.00019841269829734754, 2.755731366487837e-06,
              -2.5050753651572304e-08, 1.5896525003029963e-10);
}
PLAIT_INLINE double cos_tail(double z) {
  return poly(z, 0.0416666666666666, -0.001388888888887411, 2.4801587289458993e-05, -2.7557314342452793e-07,
              2.0875721574338895e-09, -1.1359544166223242e-11);
}
PLAIT_INLINE double tan_sin_tail(double z) {
  return poly(z, -0.16666666641451502, 0.008333329364382431, -0.00019839327667696164, 2.718241444264319e-06);
}
PLAIT_INLINE double tan_cos_tail(double z) {
  return poly(z, 0.04166666662261882, -0.0013888883732542901, 2.4799513970012185e-05,
              -2.7209705441294896e-07);
}

// tan(r) = r + r z T(z) on the same interval, error 2^-29.
PLAIT_INLINE float tan_tail(float z) {
  return poly(z, 0.333333492f, 0.133326605f, 0.0540602058f, 0.0212806445f, 0.0108399279f, 8.41787332e-05f,
              0.00437898515f);
}

// x = n pi/2 + r + low. The lowest bits of `quadrant` are those of n.
template <class T>
struct TrigReduced {
  T r, low;
  UInt<T> quadrant;
};

struct WideReduced {
  double r, n;
};
PLAIT_INLINE WideReduced reduce_trig_wide(float x) {
  const double wide = x;
  const double rounded = fma(wide, 0.6366197723675814, Format<double>::kRound);
  const double n = rounded - Format<double>::kRound;
  // The first part of pi/2 has 29 bits and n at most 22: the product is exact.
  return {fma(n, -9.920935796805404e-10, fma(n, -1.570796325802803, wide)), n};
}
PLAIT_INLINE TrigReduced<float> reduce_trig(float x) {
  const WideReduced wide = reduce_trig_wide(x);
  return {static_cast<float>(wide.r), 0.0f, to_bits(static_cast<float>(wide.n) + Format<float>::kRound)};
}
// The same for |x| < kNearLimit. The first parts of pi/2 have 8 and 11 bits and n at most 12: what is left
// after them is exact.
inline constexpr float kNearLimit = 6000.0f;
PLAIT_INLINE TrigReduced<float> reduce_trig_near(float x) {
  const float rounded = fma(x, 0.636619747f, Format<float>::kRound);
  const float n = rounded - Format<float>::kRound;
  const float rest = fma(n, -4.837512969970703e-4f, fma(n, -1.5703125f, x));
  return {fma(n, 1.7151245e-15f, fma(n, -7.549789948768648e-8f, rest)), 0.0f, to_bits(rounded)};
}
// x - n pi/2 for an n of 17 bits.
struct ReducedBy {
  double r, low;
};
PLAIT_INLINE ReducedBy reduce_by(double x, double n) {
  const double a = x - n * 1.5707963267923333;  // 36 bits: exact
  const double b = n * 2.5633441515839558e-12;  // 36 bits: exact
  const double c = n * 1.0562999066987428e-23;
  // a - b with its rounding error (Knuth's two-sum), then less c.
  const double s = a - b, t = s - a;
  const double error = (a - (s - t)) - (b + t);
  const double low = error - c;
  const double r = s + low;
  return {r, (s - r) + low};
}
PLAIT_INLINE TrigReduced<double> reduce_trig(double x) {
  const double rounded = fma(x, 0.6366197723675814, Format<double>::kRound);
  const ReducedBy a = reduce_by(x, rounded - Format<double>::kRound);
  return {a.r, a.low, to_bits(rounded)};
}

PLAIT_INLINE float sin_kernel(float r, float) {
  const float z = r * r;
  return fma(r * z, sin_tail(z), r);
}
PLAIT_INLINE float cos_kernel(float r, float) {
  const float z = r * r;
  const float half = 0.5f * z, w = 1.0f - half;
  return w + fma(z * z, cos_tail(z), (1.0f - w) - half);
}
PLAIT_INLINE double sin_kernel(double r, double low) {
  const double z = r * r;
  return r + (low + (r * z * sin_tail(z) - 0.5 * z * low));
}
PLAIT_INLINE double cos_kernel(double r, double low) {
  const double z = r * r, half = 0.5 * z, w = 1.0 - half;
  return w + (((1.0 - w) - half) + (z * z * cos_tail(z) - r * low));
}

// sin(x + Quarters pi/2)
template <int Quarters, class T>
PLAIT_INLINE T sin_of_reduced(TrigReduced<T> a) {
  const UInt<T> quadrant = a.quadrant + Quarters;
  const T s = sin_kernel(a.r, a.low), c = cos_kernel(a.r, a.low);
  const T y = select((quadrant & 1) != 0, c, s);
  const UInt<T> sign = (quadrant & 2) << (8 * sizeof(T) - 2);
  return from_bits(to_bits(y) ^ sign);
}

// sin(-0) is -0.
template <class T>
PLAIT_INLINE T keep_zero(T x, T y) {
  return select(x == T(0), x, y);
}

struct Sin {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return !(abs(x) > kTrigLimit<T>);  // NaN is in range
  }
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return keep_zero(x, sin_of_reduced<0>(reduce_trig(x)));
  }
  PLAIT_INLINE static bool is_near(float x) { return abs(x) < kNearLimit; }
  PLAIT_INLINE static float near(float x) { return keep_zero(x, sin_of_reduced<0>(reduce_trig_near(x))); }
  template <class T>
  PLAIT_INLINE static T slow(T x) {
    return std::sin(x);
  }
};

struct Cos {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return !(abs(x) > kTrigLimit<T>);
  }
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return sin_of_reduced<1>(reduce_trig(x));
  }
  PLAIT_INLINE static bool is_near(float x) { return abs(x) < kNearLimit; }
  PLAIT_INLINE static float near(float x) { return sin_of_reduced<1>(reduce_trig_near(x)); }
  template <class T>
  PLAIT_INLINE static T slow(T x) {
    return std::cos(x);
  }
};

struct Tan {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return !(abs(x) > kTrigLimit<T>);
  }
  PLAIT_INLINE static float fast(float x) {
    const WideReduced a = reduce_trig_wide(x);
    const double z = a.r * a.r;
    const double s = fma(a.r * z, tan_sin_tail(z), a.r);
    const double c = fma(z * z, tan_cos_tail(z), fma(z, -0.5, 1.0));
    const bool odd = (to_bits(a.n + Format<double>::kRound) & 1) != 0;
    const double numerator = select(odd, -c, s), denominator = select(odd, s, c);
    const float y = static_cast<float>(numerator / denominator);
    return keep_zero(x, y);
  }
  PLAIT_INLINE static bool is_near(float x) { return abs(x) < kNearLimit; }
  PLAIT_INLINE static float near(float x) {
    const TrigReduced<float> a = reduce_trig_near(x);
    const float z = a.r * a.r, t = fma(a.r * z, tan_tail(z), a.r);
    const bool odd = (a.quadrant & 1) != 0;
    return keep_zero(x, select(odd, -1.0f, t) / select(odd, t, 1.0f));
  }
  PLAIT_INLINE static double fast(double x) {
    const TrigReduced<double> a = reduce_trig(x);
    const double s = sin_kernel(a.r, a.low), c = cos_kernel(a.r, a.low);
    const bool odd = (a.quadrant & 1) != 0;
    const double numerator = select(odd, -c, s), denominator = select(odd, s, c);
    const double y = numerator / denominator;
    return keep_zero(x, y);
  }
  template <class T>
  PLAIT_INLINE static T slow(T x) {
    return std::tan(x);
  }
};

template <class T>
PLAIT_INLINE T sin(T x) {
  return Sin::in_range(x) ? Sin::fast(x) : Sin::slow(x);
}
template <class T>
PLAIT_INLINE T cos(T x) {
  return Cos::in_range(x) ? Cos::fast(x) : Cos::slow(x);
}
template <class T>
PLAIT_INLINE T tan(T x) {
  return Tan::in_range(x) ? Tan::fast(x) : Tan::slow(x);
}

// pi/4 in two parts; three and four times the first are exact.
template <class T>
inline constexpr T kPi4High = is_float<T> ? T(0.785398006439209) : T(0x1.921fb54442d18p-1);
template <class T>
inline constexpr T kPi4Low = is_float<T> ? T(1.5695823932524066e-07) : T(3.061616997868383e-17);

// (asin(s) - s) / s^3 as a polynomial in s^2, s <= 1/2. Errors 2^-27, 2^-60.
PLAIT_INLINE float asin_tail(float z) {
  return poly(z, 0.166667536f, 0.074952431f, 0.0454772599f, 0.0241456982f, 0.0422233343f);
}
PLAIT_INLINE double asin_tail(double z) {
  return poly(z, 0.1666666666666676, 0.07499999999970615, 0.044642857174883345, 0.030381942691827913,
              0.022372215494694616, 0.017351602148602263, 0.013980945718025717, 0.011397843648671198,
              0.010786443208281102, 0.0036823975230235945, 0.021767161074886257, -0.021085142739734587,
              0.03268331913733058);
}

// asin(s) = s + tail, where s is |x| up to 1/2 and sqrt((1 - |x|) / 2) beyond: asin(|x|) = pi/2 - 2 asin(s)
// there.
template <class T>
struct AsinReduced {
  T s, tail;
};
template <class T>
PLAIT_INLINE AsinReduced<T> asin_reduced(T a) {
  const T half = T(0.5) - T(0.5) * a;
  const T root = sqrt(half);  // NaN beyond 1
  const bool large = a > T(0.5);
  const T z = select(large, half, a * a);
  const T s = select(large, root, a);
  return {s, s * z * asin_tail(z)};
}

template <class T>
PLAIT_INLINE T asin(T x) {
  const T a = abs(x);
  const auto [s, tail] = asin_reduced(a);
  // pi/2 - 2 s - 2 tail, with the rounding error of the first difference.
  constexpr T kHigh = T(2) * kPi4High<T>, kLow = T(2) * kPi4Low<T>;
  const T difference = kHigh - (s + s), error = (kHigh - difference) - (s + s);
  const T side = difference + ((kLow - (tail + tail)) + error);
  return copysign(select(a > T(0.5), side, s + tail), x);
}

template <class T>
PLAIT_INLINE T acos(T x) {
  const T a = abs(x);
  const auto [s, tail] = asin_reduced(a);
  const T y = s + tail;
  // pi/2 - asin(x) for small x; 2 asin(s) and pi - 2 asin(s) for large ones.
  const T side = select(x < T(0), fma(T(4), kPi4High<T>, fma(T(4), kPi4Low<T>, -(y + y))), y + y);
  const T middle = fma(T(2), kPi4High<T>, fma(T(2), kPi4Low<T>, -copysign(y, x)));
  return select(a > T(0.5), side, middle);
}

// (atan(t) - t) / t^3 as a polynomial in t^2, |t| <= tan(1/2). Errors 2^-30, 2^-59.
PLAIT_INLINE float atan_tail(float z) {
  return poly(z, -0.333333164f, 0.199989274f, -0.142614007f, 0.108537063f, -0.0766321048f, 0.0343655758f);
}
PLAIT_INLINE double atan_tail(double z) {
  return poly(z, -0.33333333333333176, 0.1999999999995804, -0.1428571428174367, 0.11111110921822105,
              -0.090909037584894, 0.07692210835299612, -0.06665471835094425, 0.05872026526190045,
              -0.051995761729165986, 0.04481441946506321, -0.03464876108533062, 0.02036702057428303,
              -0.006429453170613512);
}
template <class T>
PLAIT_INLINE T atan_small(T t) {
  const T z = t * t;
  return fma(t * z, atan_tail(z), t);
}
template <class T>
inline constexpr T kTanHalf = T(0.5463024898437905);

template <class T>
PLAIT_INLINE T atan(T x) {
  // atan(a) = pi/4 + atan((a - 1) / (a + 1)) = pi/2 + atan(-1 / a), so that one division reduces all. The
  // middle begins where the result is 1/2: below, its last bit would be finer than what the sum and the
  // quotient have lost.
  const T a = abs(x);
  const bool middle = a > kTanHalf<T>, large = a > T(2.414213562373095);
  const T numerator = select(large, T(-1), select(middle, a - T(1), a));
  const T denominator = select(large, a, select(middle, a + T(1), T(1)));
  const T quarters = select(large, T(2), select(middle, T(1), T(0)));
  const T y = atan_small(numerator / denominator);
  return copysign(fma(quarters, kPi4High<T>, fma(quarters, kPi4Low<T>, y)), x);
}

template <class T>
PLAIT_INLINE T atan2(T y, T x) {
  constexpr T kHuge = std::numeric_limits<T>::max() / 4;
  constexpr T kTiny = is_float<T> ? T(0x1p-60) : T(0x1p-500);
  const T ay = abs(y), ax = abs(x);
  const bool steep = ay > ax;
  T small = select(steep, ax, ay), large = select(steep, ay, ax);
  // Their sum must not overflow, nor their ratio be lost in subnormal numbers; two infinities stand in the
  // ratio one; zero by zero gives zero.
  const T factor = select(large > kHuge, T(0.25), select(large < kTiny, T(1) / kTiny, T(1)));
  const bool both_infinite = small == kInfinity<T>;
  small = select(both_infinite, T(1), small * factor);
  large = select(both_infinite | (large == T(0)), T(1), large * factor);
  const bool middle = small > kTanHalf<T> * large;
  const T t = select(middle, small - large, small) / select(middle, small + large, large);
  const T part = atan_small(t);
  // Where the octant begins or ends, in units of pi/4, and the sign with which the part counts from there.
  const bool left = (to_bits(x) >> (8 * sizeof(T) - 1)) != 0;
  T quarters = select(middle, T(1), T(0));
  quarters = select(steep, T(2) - quarters, quarters);
  quarters = select(left, T(4) - quarters, quarters);
  const T signed_part = select(steep != left, -part, part);
  const T angle = fma(quarters, kPi4High<T>, fma(quarters, kPi4Low<T>, signed_part));
  const T result = copysign(angle, y);
  return select((x != x) | (y != y), x + y, result);
}

}  // namespace
}  // namespace plait::vec
