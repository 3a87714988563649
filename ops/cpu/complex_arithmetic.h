// Complex numbers as pairs of their parts: of such code compilers make vectors, of std::complex they do not.
// For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include "ops/cpu/vecmath/base.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

template <class T>
struct Pair {
  T re, im;
};

template <class T>
PLAIT_INLINE bool operator==(Pair<T> a, Pair<T> b) {
  return (a.re == b.re) & (a.im == b.im);
}
template <class T>
PLAIT_INLINE Pair<T> operator-(Pair<T> a) {
  return {-a.re, -a.im};
}
template <class T>
PLAIT_INLINE Pair<T> operator+(Pair<T> a, Pair<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
PLAIT_INLINE Pair<T> operator-(Pair<T> a, Pair<T> b) {
  return {a.re - b.re, a.im - b.im};
}
// By the formula, as NumPy's: infinite factors may give NaN.
template <class T>
PLAIT_INLINE Pair<T> operator*(Pair<T> a, Pair<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
// The ratio of the divisor's parts, the smaller to the larger, keeps squares from overflowing (R. L. Smith,
// Algorithm 116, CACM 5(8), 1962). Zero divides as a real number does.
template <class T>
PLAIT_INLINE Pair<T> operator/(Pair<T> a, Pair<T> b) {
  const bool turned = vec::abs(b.re) < vec::abs(b.im);
  const T large = vec::select(turned, b.im, b.re), small = vec::select(turned, b.re, b.im);
  const bool zero = large == T(0);
  const T ratio = vec::select(zero, T(0), small / large);
  const T scale = T(1) / vec::select(zero, T(0), large + small * ratio);
  const T along = vec::select(turned, a.im, a.re), across = vec::select(turned, a.re, a.im);
  const T im = across - along * ratio;
  return {(along + across * ratio) * scale, vec::select(turned, -im, im) * scale};
}

}  // namespace
}  // namespace plait::cpu
