// The sums that a pass of a Fourier transform consists of, of vectors. For *.isa.cpp files; everything here
// has internal linkage.
#pragma once

#include "ops/cpu/gemm_tile.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <class T>
constexpr int64_t kRow = 2 * kLanes<T>;

template <class V>
struct Complex {
  V re, im;
  PLAIT_INLINE Complex operator+(Complex b) const { return {re + b.re, im + b.im}; }
  PLAIT_INLINE Complex operator-(Complex b) const { return {re - b.re, im - b.im}; }
  PLAIT_INLINE Complex over_i() const { return {im, -re}; }  // times -i
};

template <class T, class V>
PLAIT_INLINE Complex<V> turned(Complex<V> x, T w_re, T w_im) {
  return {x.re * w_re - x.im * w_im, x.re * w_im + x.im * w_re};
}

template <class V>
PLAIT_INLINE void butterfly_2(Complex<V>& a, Complex<V>& b) {
  const Complex<V> difference = a - b;
  a = a + b;
  b = difference;
}
template <class V>
PLAIT_INLINE void butterfly_4(Complex<V>& x0, Complex<V>& x1, Complex<V>& x2, Complex<V>& x3) {
  const Complex<V> a = x0 + x2, b = x0 - x2, c = x1 + x3, d = (x1 - x3).over_i();
  x0 = a + c, x1 = b + d, x2 = a - c, x3 = b - d;
}

// cos and sin of 2 pi k / R for k = 1 ... R / 2, R odd.
template <int R>
struct Circle;
template <>
struct Circle<3> {
  static constexpr double kCos[] = {-0.5}, kSin[] = {0.86602540378443864676};
};
template <>
struct Circle<5> {
  static constexpr double kCos[] = {0.30901699437494742410, -0.80901699437494742410},
                          kSin[] = {0.95105651629515357212, 0.58778525229247312917};
};
template <>
struct Circle<7> {
  static constexpr double kCos[] = {0.62348980185873353053, -0.22252093395631440429, -0.90096886790241912624},
                          kSin[] = {0.78183148246802980871, 0.97492791218182360702, 0.43388373911755812048};
};
template <>
struct Circle<11> {
  static constexpr double kCos[] = {0.84125353283118116886, 0.41541501300188642553, -0.14231483827328514044,
                                    -0.65486073394528506406, -0.95949297361449738989},
                          kSin[] = {0.54064081745559758211, 0.90963199535451837141, 0.98982144188093273238,
                                    0.75574957435425828378, 0.28173255684142969772};
};
template <>
struct Circle<13> {
  static constexpr double kCos[] = {0.88545602565320989590,  0.56806474673115580251,
                                    0.12053668025532305335,  -0.35460488704253562597,
                                    -0.74851074817110109863, -0.97094181742605202716},
                          kSin[] = {0.46472317204376854566, 0.82298386589365639458, 0.99270887409805399280,
                                    0.93501624268541482344, 0.66312265824079520238, 0.23931566428755776715};
};

// Terms that are as far from both ends are taken together: their sums meet cosines, their differences sines.
template <int R, class T, class V>
PLAIT_INLINE void butterfly_odd(Complex<V> (&x)[R]) {
  constexpr int kHalf = R / 2;
  Complex<V> sum[kHalf], difference[kHalf];
#pragma GCC unroll 8
  for (int k = 0; k < kHalf; ++k) {
    sum[k] = x[k + 1] + x[R - 1 - k];
    difference[k] = (x[k + 1] - x[R - 1 - k]).over_i();
  }
  const Complex<V> first = x[0];
#pragma GCC unroll 8
  for (int k = 0; k < kHalf; ++k) x[0] = x[0] + sum[k];
#pragma GCC unroll 8
  for (int j = 1; j <= kHalf; ++j) {
    Complex<V> even = first, odd = {V{}, V{}};
#pragma GCC unroll 8
    for (int k = 1; k <= kHalf; ++k) {
      const int turns = j * k % R, at = (turns <= kHalf ? turns : R - turns) - 1;
      const T c = static_cast<T>(Circle<R>::kCos[at]);
      const T s = static_cast<T>(turns <= kHalf ? Circle<R>::kSin[at] : -Circle<R>::kSin[at]);
      even.re += sum[k - 1].re * c, even.im += sum[k - 1].im * c;
      odd.re += difference[k - 1].re * s, odd.im += difference[k - 1].im * s;
    }
    x[j] = even + odd;
    x[R - j] = even - odd;
  }
}

// The sums over exp(-2 pi i j k / R) of R numbers, in place.
template <int R, class T, class V>
PLAIT_INLINE void butterfly(Complex<V> (&x)[R]) {
  if constexpr (R == 2) {
    butterfly_2(x[0], x[1]);
  } else if constexpr (R == 4) {
    butterfly_4(x[0], x[1], x[2], x[3]);
  } else if constexpr (R == 8) {
    constexpr T kHalfRoot = static_cast<T>(0.70710678118654752440);
    butterfly_4(x[0], x[2], x[4], x[6]);
    butterfly_4(x[1], x[3], x[5], x[7]);
    const Complex<V> a = {(x[3].re + x[3].im) * kHalfRoot, (x[3].im - x[3].re) * kHalfRoot};
    const Complex<V> b = x[5].over_i();
    const Complex<V> c = {(x[7].im - x[7].re) * kHalfRoot, (x[7].re + x[7].im) * -kHalfRoot};
    const Complex<V> e0 = x[0], e1 = x[2], e2 = x[4], e3 = x[6], o0 = x[1];
    x[0] = e0 + o0, x[4] = e0 - o0;
    x[1] = e1 + a, x[5] = e1 - a;
    x[2] = e2 + b, x[6] = e2 - b;
    x[3] = e3 + c, x[7] = e3 - c;
  } else {
    butterfly_odd<R, T>(x);
  }
}

template <class T>
PLAIT_INLINE Complex<Vec<T>> load(const T* re, const T* im) {
  return {load_vector(re), load_vector(im)};
}
template <class T>
PLAIT_INLINE void store(T* re, T* im, Complex<Vec<T>> x) {
  store_vector(re, x.re);
  store_vector(im, x.im);
}

// The sums of a pass go where its numbers came from, `apart` numbers from each other, turned by the factors
// w.
template <int R, bool Turns, class T>
PLAIT_INLINE void store_sums(T* re, T* im, int64_t apart, const T* w, Complex<Vec<T>> (&x)[R]) {
  store(re, im, x[0]);
#pragma GCC unroll 16
  for (int j = 1; j < R; ++j)
    store(re + j * apart, im + j * apart, Turns ? turned(x[j], w[2 * j - 2], w[2 * j - 1]) : x[j]);
}

}  // namespace
}  // namespace plait::cpu
