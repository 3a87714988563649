// Products and quotients of complex numbers, for *.isa.cpp files.
#pragma once

#include "ops/cpu/pairs.h"
#include "ops/cpu/vecmath/base.h"

namespace plait::cpu {
namespace {

// By the formula, as NumPy's: infinite factors may give NaN.
template <class T>
PLAIT_INLINE Pair<T> product(Pair<T> a, Pair<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// The ratio of the divisor's parts, the smaller to the larger, keeps squares from overflowing (R. L. Smith,
// Algorithm 116, CACM 5(8), 1962). Zero divides as a real number does.
template <class T>
PLAIT_INLINE Pair<T> quotient(Pair<T> a, Pair<T> b) {
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
