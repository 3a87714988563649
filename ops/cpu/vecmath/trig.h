// Sine, cosine, tangent and their inverses.
//
// sin, cos and tan come in two parts. `fast` is branch-free and holds for |x| up to kLimit: float arguments
// are reduced in double, double arguments by pi/2 in three parts (Cody and Waite). Beyond it the argument
// needs hundreds of bits of pi, which libm has. So: `map_block<Sin>(x, y, n)` for loops (vector code unless a
// block really holds such an argument), and `sin(x)` for single values, right everywhere but with a branch
// that keeps a loop over it from being vectorised.
#pragma once

#include <cmath>

#include "ops/cpu/vecmath/base.h"

namespace plait::vec {
namespace {

template <class T>
inline constexpr T kTrigLimit = is_float<T> ? T(0x1p23) : T(0x1p17);

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
  const double n = fma(wide, 0.6366197723675814, Format<double>::kRound) - Format<double>::kRound;
  // The first part of pi/2 has 29 bits and n at most 23: the product is exact.
  return {fma(n, -9.920935796805404e-10, fma(n, -1.570796325802803, wide)), n};
}
PLAIT_INLINE TrigReduced<float> reduce_trig(float x) {
  const WideReduced wide = reduce_trig_wide(x);
  return {static_cast<float>(wide.r), 0.0f, static_cast<uint32_t>(static_cast<int32_t>(wide.n))};
}
PLAIT_INLINE TrigReduced<double> reduce_trig(double x) {
  const double rounded = fma(x, 0.6366197723675814, Format<double>::kRound);
  const double n = rounded - Format<double>::kRound;
  const double a = x - n * 1.5707963267923333;  // 36 bits: exact
  const double b = n * 2.5633441515839558e-12;  // 36 bits: exact
  const double c = n * 1.0562999066987428e-23;
  // a - b with its rounding error (Knuth's two-sum), then less c.
  const double s = a - b, t = s - a;
  const double error = (a - (s - t)) - (b + t);
  const double low = error - c;
  const double r = s + low;
  return {r, (s - r) + low, to_bits(rounded)};
}

PLAIT_INLINE float sin_kernel(float r, float) {
  const float z = r * r;
  return fma(r * z, sin_tail(z), r);
}
PLAIT_INLINE float cos_kernel(float r, float) {
  const float z = r * r;
  return fma(z * z, cos_tail(z), fma(z, -0.5f, 1.0f));
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
PLAIT_INLINE T sin_shifted(T x) {
  const TrigReduced<T> a = reduce_trig(x);
  const UInt<T> quadrant = a.quadrant + Quarters;
  const T s = sin_kernel(a.r, a.low), c = cos_kernel(a.r, a.low);
  const T y = (quadrant & 1) != 0 ? c : s;
  const UInt<T> sign = (quadrant & 2) << (8 * sizeof(T) - 2);
  return from_bits(to_bits(y) ^ sign);
}

struct Sin {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return !(abs(x) > kTrigLimit<T>);  // NaN is in range
  }
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    const T y = sin_shifted<0>(x);
    return x == T(0) ? x : y;  // keeps -0
  }
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
    return sin_shifted<1>(x);
  }
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
    const double numerator = odd ? -c : s, denominator = odd ? s : c;
    const float y = static_cast<float>(numerator / denominator);
    return x == 0.0f ? x : y;
  }
  PLAIT_INLINE static double fast(double x) {
    const TrigReduced<double> a = reduce_trig(x);
    const double s = sin_kernel(a.r, a.low), c = cos_kernel(a.r, a.low);
    const bool odd = (a.quadrant & 1) != 0;
    const double numerator = odd ? -c : s, denominator = odd ? s : c;
    const double y = numerator / denominator;
    return x == 0.0 ? x : y;
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

// asin(s), where s is |x| up to 1/2 and sqrt((1 - |x|) / 2) beyond: asin(|x|) = pi/2 - 2 asin(s) there.
template <class T>
PLAIT_INLINE T asin_reduced(T a) {
  const T half = T(0.5) - T(0.5) * a;
  const T root = sqrt(half);  // NaN beyond 1
  const bool large = a > T(0.5);
  const T z = large ? half : a * a;
  const T s = large ? root : a;
  return fma(s * z, asin_tail(z), s);
}

template <class T>
PLAIT_INLINE T asin(T x) {
  const T a = abs(x), s = asin_reduced(a);
  const T y = a > T(0.5) ? (T(2) * kPi4High<T> - (s + s)) + T(2) * kPi4Low<T> : s;
  return copysign(y, x);
}

template <class T>
PLAIT_INLINE T acos(T x) {
  const T a = abs(x), s = asin_reduced(a);
  // pi/2 - asin(x) for small x; 2 asin(s) and pi - 2 asin(s) for large ones.
  const T from_side = x < T(0) ? fma(T(4), kPi4High<T>, fma(T(4), kPi4Low<T>, -(s + s))) : s + s;
  const T from_middle = fma(T(2), kPi4High<T>, fma(T(2), kPi4Low<T>, -copysign(s, x)));
  return a > T(0.5) ? from_side : from_middle;
}

// (atan(t) - t) / t^3 as a polynomial in t^2, |t| <= tan(pi/8). Errors 2^-30, 2^-59.
PLAIT_INLINE float atan_tail(float z) {
  return poly(z, -0.333333164f, 0.199984834f, -0.142436996f, 0.105947264f, -0.0607986897f);
}
PLAIT_INLINE double atan_tail(double z) {
  return poly(z, -0.333333333333332, 0.1999999999995405, -0.14285714280225742, 0.11111110784310758,
              -0.09090897768763201, 0.07692060216398601, -0.06663102181803127, 0.058478636998670216,
              -0.05039140979373457, 0.03805929043856395, -0.01790032782774194);
}
template <class T>
PLAIT_INLINE T atan_small(T t) {
  const T z = t * t;
  return fma(t * z, atan_tail(z), t);
}
template <class T>
inline constexpr T kTanPi8 = T(0.41421356237309503);

template <class T>
PLAIT_INLINE T atan(T x) {
  // atan(a) = pi/4 + atan((a - 1) / (a + 1)) = pi/2 + atan(-1 / a), so that one division reduces all.
  const T a = abs(x);
  const bool middle = a > kTanPi8<T>, large = a > T(2.414213562373095);
  const T numerator = large ? T(-1) : (middle ? a - T(1) : a);
  const T denominator = large ? a : (middle ? a + T(1) : T(1));
  const T quarters = large ? T(2) : (middle ? T(1) : T(0));
  const T y = atan_small(numerator / denominator);
  return copysign(fma(quarters, kPi4High<T>, fma(quarters, kPi4Low<T>, y)), x);
}

template <class T>
PLAIT_INLINE T atan2(T y, T x) {
  constexpr T kHuge = std::numeric_limits<T>::max() / 4;
  const T ay = abs(y), ax = abs(x);
  const bool steep = ay > ax;
  T small = steep ? ax : ay, large = steep ? ay : ax;
  // Their sum must not overflow; two infinities stand in the ratio one; zero by zero gives zero.
  const T shrink = large > kHuge ? T(0.25) : T(1);
  const bool both_infinite = small == kInfinity<T>;
  small = both_infinite ? T(1) : small * shrink;
  large = both_infinite || large == T(0) ? T(1) : large * shrink;
  const bool middle = small > kTanPi8<T> * large;
  const T t = (middle ? small - large : small) / (middle ? small + large : large);
  const T part = atan_small(t);
  // Where the octant begins or ends, in units of pi/4, and the sign with which the part counts from there.
  const bool left = (to_bits(x) >> (8 * sizeof(T) - 1)) != 0;
  T quarters = middle ? T(1) : T(0);
  quarters = steep ? T(2) - quarters : quarters;
  quarters = left ? T(4) - quarters : quarters;
  const T signed_part = steep != left ? -part : part;
  const T angle = fma(quarters, kPi4High<T>, fma(quarters, kPi4Low<T>, signed_part));
  const T result = copysign(angle, y);
  return x != x || y != y ? x + y : result;
}

}  // namespace
}  // namespace plait::vec
