// Bessel functions, and the error function's scaled and logarithmic relatives, of numbers: in double, for the
// host and the device.
//
// The modified Bessel functions are sums of Chebyshev polynomials, as in Cephes (Moshier, "Methods and
// Programs for Mathematical Functions", 1989), whose intervals these are; the coefficients were computed with
// 40 digits and end where they no longer change a double. Errors are some units in the last place.
#pragma once

#include <cmath>
#include <cstdint>

#include "plait/inline.h"

namespace plait {
namespace fn {

// What the ops of ops/bessel.cpp ask the kernels of a device for.
enum class Bessel : uint8_t {
  I0,
  I0e,
  I1,
  I1e,
  J0,
  J1,
  Y0,
  Y1,
  K0,
  K0e,
  K1,
  K1e,
  SphericalJ0,
  Erfcx,
  LogNdtr,
  Count
};

}  // namespace fn

namespace special {

// Half the first coefficient, plus the others times Chebyshev's polynomials at t in [-1, 1] (Clenshaw, 1955).
template <int N>
PLAIT_HD inline double chebyshev(const double (&k)[N], double t) {
  double a = 0, b = 0, c = 0;
#ifndef __CUDACC__
#pragma GCC unroll 32  // a loop over it can then be vector code
#endif
  for (int i = N - 1; i >= 0; --i) {
    c = b;
    b = a;
    a = 2 * t * b - c + k[i];
  }
  return 0.5 * (a - c);
}

PLAIT_HD inline double i0e_small(double t) {
  constexpr double k[] = {
      0.67679527440947607,    -0.3046826723431984,     0.17162090152220877,    -0.094901097048047639,
      0.049305284239670712,   -0.023737414805899471,   0.010546460394594998,   -0.0043243099950505759,
      0.0016394756169413357,  -0.00057637557453858236, 0.00018850288509584165, -5.754195010082104e-05,
      1.6448448070728896e-05, -4.4167383584587505e-06, 1.1173875391201037e-06, -2.6707938539406119e-07,
      6.0469950225419186e-08, -1.300025009986248e-08,  2.6598237246823866e-09, -5.1897956016352627e-10,
      9.675809035373237e-11,  -1.7268262914415559e-11, 2.9550526631296399e-12, -4.856446783111929e-13,
      7.6761854986049361e-14, -1.1685332877993451e-14, 1.7153912855551331e-15, -2.4312798465479549e-16,
      3.3307945188222384e-17, -4.4153416464793395e-18};
  return chebyshev(k, t);
}
PLAIT_HD inline double i0e_large(double t) {
  constexpr double k[] = {
      0.80449041101410879,     0.0033691164782556943,   6.8897583469168245e-05,  2.8913705208347567e-06,
      2.0489185894690638e-07,  2.266668990498178e-08,   3.3962320257083865e-09,  4.9406023882249701e-10,
      1.1889147107846439e-11,  -3.1499165279632416e-11, -1.3215811840447713e-11, -1.7941785315068062e-12,
      7.180124451383666e-13,   3.8527783827421426e-13,  1.54008621752141e-14,    -4.1505693472872222e-14,
      -9.5548466988283073e-15, 3.8116806693526224e-15,  1.7725601330565263e-15,  -3.425485619677219e-16,
      -2.8276239805165836e-16, 3.4612228676974612e-17,  4.4656214202967598e-17,  -4.8305044859441819e-18,
      -7.2331804878747538e-18};
  return chebyshev(k, t);
}
PLAIT_HD inline double i1e_small(double t) {
  constexpr double k[] = {
      0.25258718644363365,    -0.17641651835783406,    0.10264365868984709,    -0.052945981208094989,
      0.024726449030626516,   -0.010564084894626197,   0.0041564229443128882,  -0.0015135724506312532,
      0.00051228595616857576, -0.00016176081582589674, 4.7815651075500542e-05, -1.3273163656039436e-05,
      3.4702513081376785e-06, -8.5687202646954547e-07, 2.0032947535521353e-07, -4.4450591287963281e-08,
      9.3815373864957726e-09, -1.8872497517228294e-09, 3.6255902815521172e-10, -6.6634897235020271e-11,
      1.1736186298890901e-11, -1.9839743977649436e-12, 3.2237933659455748e-13, -5.0421855047279118e-14,
      7.6006842947354077e-15, -1.1055969477353862e-15, 1.5536319577362005e-16, -2.111421214358166e-17,
      2.7779141127610464e-18};
  return chebyshev(k, t);
}
PLAIT_HD inline double i1e_large(double t) {
  constexpr double k[] = {
      0.77857623501828011,     -0.0097610974913614687,  -0.00011058893876262371, -3.8825648088776906e-06,
      -2.5122362378702088e-07, -2.6314688468895196e-08, -3.835380385964237e-09,  -5.5897434621965838e-10,
      -1.8974958123505413e-11, 3.2526035830154884e-11,  1.4125807436613782e-11,  2.0356285441470896e-12,
      -7.1985517762459084e-13, -4.0835511110921974e-13, -2.1015418427726643e-14, 4.272440016711951e-14,
      1.0420276984128802e-14,  -3.8144030724370075e-15, -1.8803547755107825e-15, 3.3082023109209285e-16,
      2.9626289976459501e-16,  -3.2095259219934238e-17, -4.6503053684893586e-17, 4.4143483230717077e-18,
      7.5172963108421052e-18};
  return chebyshev(k, t);
}
PLAIT_HD inline double k0_small(double t) {
  constexpr double k[] = {-0.53532739323390277,   0.3442898999246285,     0.035979936515361501,
                          0.001264615411446926,   2.2862121031194519e-05, 2.5347910790261494e-07,
                          1.9045163772202091e-09, 1.0349695257633625e-11, 4.2598161427910826e-14,
                          1.3744654358807508e-16};
  return chebyshev(k, t);
}
PLAIT_HD inline double k0_large(double t) {
  constexpr double k[] = {
      2.4403030820659555,     -0.031448101311964502,   0.0015698838857300533,  -0.00012849549581627802,
      1.39498137188765e-05,   -1.8317555227191195e-06, 2.7668136394450149e-07, -4.6604898976879478e-08,
      8.5740340174142253e-09, -1.6975345093890614e-09, 3.5773972814003283e-10, -7.9574892444773965e-11,
      1.8559491149549264e-11, -4.5145978833745193e-12, 1.1403405882073441e-12, -2.9800969231481784e-13,
      8.0328907750683746e-14, -2.2275133267462965e-14, 6.3400764762766461e-15, -1.8485933779209071e-15,
      5.5120559994043335e-16, -1.6782311257549006e-16, 5.2103917776435543e-17, -1.6475805939842632e-17};
  return chebyshev(k, t);
}
PLAIT_HD inline double k1_small(double t) {
  constexpr double k[] = {1.5253002273389478,     -0.35315596077654487,    -0.12261118082265715,
                          -0.0069757238596398641, -0.0001730288957513052,  -2.4334061415659684e-06,
                          -2.213387630734726e-08, -1.4114883926335278e-10, -6.6669016941993295e-13,
                          -2.427449850519366e-15, -7.0238634793862882e-18};
  return chebyshev(k, t);
}
PLAIT_HD inline double k1_large(double t) {
  constexpr double k[] = {
      2.7206261904844427,      0.10392373657681724,    -0.0028578168596227792,  0.00019521551847135162,
      -1.936197974166083e-05,  2.406484947837217e-06,  -3.5019606030878126e-07, 5.7410841254500495e-08,
      -1.0345762465678097e-08, 2.0150497551970347e-09, -4.1903547593419254e-10, 9.2183151876053146e-11,
      -2.1299678384277909e-11, 5.1396396734823432e-12, -1.2891739609498229e-12, 3.3484196660522431e-13,
      -8.9767051820101463e-14, 2.4771544242195988e-14, -7.0198370892147685e-15, 2.038703166239861e-15,
      -6.0570472706430177e-16, 1.8380935752430455e-16, -5.6894628491936484e-17, 1.7940510478863572e-17};
  return chebyshev(k, t);
}

PLAIT_HD inline double i0e(double x) {
  x = std::fabs(x);
  if (x <= 8) return i0e_small(x / 4 - 1);
  return i0e_large(16 / x - 1) / std::sqrt(x);
}
PLAIT_HD inline double i1e(double x) {
  const double a = std::fabs(x);
  const double y = a <= 8 ? i1e_small(a / 4 - 1) * a : i1e_large(16 / a - 1) / std::sqrt(a);
  return x < 0 ? -y : y;
}
// In two factors: exp(x) alone overflows before I0 and I1 do.
PLAIT_HD inline double i0(double x) {
  const double half = std::exp(std::fabs(x) / 2);
  return half * i0e(x) * half;
}
PLAIT_HD inline double i1(double x) {
  const double half = std::exp(std::fabs(x) / 2);
  return half * i1e(x) * half;
}

PLAIT_HD inline double k0e(double x) {
  if (x < 0) return std::nan("");
  if (x == 0) return INFINITY;
  if (x <= 2) return (k0_small(x * x / 2 - 1) - std::log(x / 2) * i0(x)) * std::exp(x);
  return k0_large(4 / x - 1) / std::sqrt(x);
}
PLAIT_HD inline double k1e(double x) {
  if (x < 0) return std::nan("");
  if (x == 0) return INFINITY;
  if (x <= 2) return (k1_small(x * x / 2 - 1) / x + std::log(x / 2) * i1(x)) * std::exp(x);
  return k1_large(4 / x - 1) / std::sqrt(x);
}
PLAIT_HD inline double k0(double x) {
  if (x > 0 && x <= 2) return k0_small(x * x / 2 - 1) - std::log(x / 2) * i0(x);
  return x > 2 ? std::exp(-x) * k0e(x) : k0e(x);
}
PLAIT_HD inline double k1(double x) {
  if (x > 0 && x <= 2) return k1_small(x * x / 2 - 1) / x + std::log(x / 2) * i1(x);
  return x > 2 ? std::exp(-x) * k1e(x) : k1e(x);
}

PLAIT_HD inline double spherical_j0(double x) {
  if (std::isinf(x)) return 0;
  if (std::fabs(x) < 0.5) {  // the quotient would be 0 / 0 at 0
    const double q = x * x;
    return 1 + q / -6 * (1 + q / -20 * (1 + q / -42 * (1 + q / -72 * (1 + q / -110 * (1 + q / -156)))));
  }
  return std::sin(x) / x;
}

// exp(x^2) erfc(x). The rounding error of x^2, which exp would magnify, is made good.
PLAIT_HD inline double erfcx(double x) {
  if (x < 25) {
    const double square = x * x, rest = std::fma(x, x, -square);
    const double power = std::exp(square);
    return std::isinf(power) ? 2 * power : power * std::erfc(x) * (1 + rest);
  }
  const double q = 1 / (2 * x * x);  // DLMF 7.12.1
  const double series = 1 - q * (1 - 3 * q * (1 - 5 * q * (1 - 7 * q * (1 - 9 * q * (1 - 11 * q)))));
  return series / x * 0.56418958354775628695;
}

// log of the normal distribution function.
PLAIT_HD inline double log_ndtr(double x) {
  const double z = x * 0.70710678118654752440;
  if (x < -1) return std::log(erfcx(-z) / 2) - z * z;
  return std::log1p(-std::erfc(z) / 2);
}

PLAIT_HD inline double evaluate(fn::Bessel f, double x) {
  if (x != x) return x;
  switch (f) {
    case fn::Bessel::I0: return i0(x);
    case fn::Bessel::I0e: return i0e(x);
    case fn::Bessel::I1: return i1(x);
    case fn::Bessel::I1e: return i1e(x);
    case fn::Bessel::J0: return ::j0(x);
    case fn::Bessel::J1: return ::j1(x);
    case fn::Bessel::Y0: return x < 0 ? std::nan("") : ::y0(x);
    case fn::Bessel::Y1: return x < 0 ? std::nan("") : ::y1(x);
    case fn::Bessel::K0: return k0(x);
    case fn::Bessel::K0e: return k0e(x);
    case fn::Bessel::K1: return k1(x);
    case fn::Bessel::K1e: return k1e(x);
    case fn::Bessel::SphericalJ0: return spherical_j0(x);
    case fn::Bessel::Erfcx: return erfcx(x);
    case fn::Bessel::LogNdtr: return log_ndtr(x);
    case fn::Bessel::Count: break;
  }
  return x;
}

}  // namespace special
}  // namespace plait
