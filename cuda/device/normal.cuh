// x Phi(x) and its derivative, Phi the normal distribution's function: GELU.
#pragma once

#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

// ---- for results of 16 bits, see Note [Functions of 16 bits]

// What the two have in common: Phi(-t) = exp(-t^2 / 2) tail(t), t >= 0, with the tail as a polynomial in
// 1 / (1 + 0.375 t), to 3e-05 relative over [0, 14]; beyond that the whole is 0 (the form is Hastings's,
// "Approximations for Digital Computers", 1955). The first factor is 2^24 times as large as written, the
// second one so much smaller: see brief_exp.
inline constexpr float kDown = 0x1p-24f;
__device__ __forceinline__ float normal_tail(float t) {
  const float s = math::reciprocal_approximate(math::fma(0.375f, t, 1.0f));
  float p = kDown * -0.0906419232f;
  p = math::fma(p, s, kDown * 0.200279683f);
  p = math::fma(p, s, kDown * 0.0835655853f);
  p = math::fma(p, s, kDown * 0.1577335f);
  p = math::fma(p, s, kDown * 0.149061084f);
  return p * s;
}
__device__ __forceinline__ float exp_minus_half_square(float x) {
  return math::exp2_approximate(math::fma(-0.5f * 1.44269504f * x, x, 24.0f));
}

// ---- for float32

// Note [GELU of float32]: 8 bytes an element leave time for 50 instructions, and CUDA's normcdf takes 55 with
// what stands around it. Here, for t = |x|, Phi(-t) = 2^(c t^2) tail(t) in 24 instructions, c = log2(e) / -2
// as a float; the tail makes up for what that lacks, and is a polynomial in s = 1 / (4 + t) to 2^-25
// relative.
//
// Each part is as exact as floats allow: t^2 is a sum of two numbers, of which the first gives the exponent's
// whole number n. What is left goes to the hardware's 2^x. The hardware's 1 / x, and the rounding of 4 + t,
// make s wrong by a factor 1 + r, which costs up to three times as much (the tail goes like s^2): r is
// computed, and the exponent corrected by r times the tail's logarithmic slope, for which a straight line in
// s is good enough. Over all floats the results of gelu are within 4 units in the last place (0.5 on average)
// of the truth, also where they are tiny, given functions of the hardware that are exact to theirs; CUDA's
// normcdf is within 5. 2^n comes last, times 2^30, and the tail is so much smaller: subnormal results are
// rounded once.
struct NormalTail {
  static constexpr float kScale = 0x1p-30f;
  static constexpr float kLargest = 14.6f;  // beyond this all is 0, and t^2 not too large for n
  float t, square, tail, exponential, power;

  __device__ __forceinline__ explicit NormalTail(float x)
      : t(math::at_most_or_nan(math::fabs(x), kLargest)),
        square(t * t) {
    constexpr float kExponent = -0.72134752f;  // c
    // Adding it rounds to a whole number, which stands in the lowest bits together with the exponent's bias.
    constexpr float kRound = 0x1.8p23f + 127 + 30;
    const float rest = math::fma(t, t, -square);
    const float rounded = math::fma(square, kExponent, kRound), n = rounded - kRound;
    power = __int_as_float(__float_as_int(rounded) << 23);
    const float s = math::reciprocal_approximate(4.0f + t);
    const float r = math::fma(-s, t, math::fma(-4.0f, s, 1.0f));
    float f = math::fma(square, kExponent, -n);
    f = math::fma(rest, kExponent, f);
    f = math::fma(r, math::fma(s, 15.577f, 0.668f), f);
    exponential = math::exp2_approximate(f);
    tail = kScale * 8738.566f;
    tail = math::fma(tail, s, kScale * -12641.702f);
    tail = math::fma(tail, s, kScale * 6346.918f);
    tail = math::fma(tail, s, kScale * -1324.7997f);
    tail = math::fma(tail, s, kScale * 303.35175f);
    tail = math::fma(tail, s, kScale * -4.098023f);
    tail = math::fma(tail, s, kScale * 7.684562f);
    tail = math::fma(tail, s, kScale * 1.5221968f);
    tail = math::fma(tail, s, kScale * 0.40076604f);
    tail = math::fma(tail, s, kScale * -1.9765112e-05f);
  }
};

// ---- of any type

// x Phi(x)
template <class E>
__device__ __forceinline__ opmath_t<E> gelu_erf(opmath_t<E> x) {
  if constexpr (is_16bit_float<E>) {
    const float q = exp_minus_half_square(x) * normal_tail(math::fabs(x));  // Phi(-|x|)
    return x * (x < 0 ? q : 1.0f - q);
  } else if constexpr (std::is_same_v<E, float>) {
    const NormalTail n(x);
    // -inf gives NaN, as in every other form.
    return math::fma(-(n.tail * n.exponential), n.t * n.power, x * (x < 0 ? 0.0f : 1.0f));
  } else {
    return x * math::normcdf(x);
  }
}
// Phi(x) + x phi(x)
template <class E>
__device__ __forceinline__ opmath_t<E> gelu_erf_grad(opmath_t<E> x) {
  using T = opmath_t<E>;
  if constexpr (is_16bit_float<E>) {
    const float t = ::fminf(math::fabs(x), 40.0f);  // NaN comes by the other factor
    const float h = exp_minus_half_square(x) * math::fma(kDown * -0.39894228f, t, normal_tail(t));
    return x < 0 ? h : 1.0f - h;
  } else if constexpr (std::is_same_v<E, float>) {
    const NormalTail n(x);
    constexpr float kScale = NormalTail::kScale;
    // -phi(0), and what 2^c lacks to exp(-1 / 2)
    const float slope = math::fma(n.square, kScale * 2.6628915e-09f, kScale * -0.3989422804f);
    const float h = math::fma(slope, n.t, n.tail) * n.exponential * n.power;
    return x < 0 ? h : 1.0f - h;
  } else {
    const T limited = math::clamp(x, T(-40), T(40));
    const T density = T(0.3989422804014327) * math::exp(T(-0.5) * limited * limited);
    return math::fma(limited, density, math::normcdf(x));
  }
}

}  // namespace plait::cuda
