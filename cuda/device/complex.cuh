// Complex numbers in device code, laid out as std::complex. Arithmetic here; functions in
// device/complex_math.cuh.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

namespace plait::cuda {

template <class T>
struct alignas(2 * sizeof(T)) Complex {
  T re, im;

  Complex() = default;
  __host__ __device__ constexpr Complex(T real, T imag = T(0)) : re(real), im(imag) {}

  __host__ __device__ friend Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
  __host__ __device__ friend Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
  __host__ __device__ friend Complex operator-(Complex a) { return {-a.re, -a.im}; }
  __host__ __device__ friend Complex operator*(Complex a, Complex b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  }
  // Smith's algorithm: no overflow where the quotient has none (Comm. ACM 5, 1962).
  __host__ __device__ friend Complex operator/(Complex a, Complex b) {
    const T abs_re = b.re < 0 ? -b.re : b.re, abs_im = b.im < 0 ? -b.im : b.im;
    if (abs_re >= abs_im) {
      if (abs_re == 0 && abs_im == 0) return {a.re / abs_re, a.im / abs_im};
      const T ratio = b.im / b.re, scale = T(1) / (b.re + b.im * ratio);
      return {(a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale};
    }
    const T ratio = b.re / b.im, scale = T(1) / (b.im + b.re * ratio);
    return {(a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale};
  }
  __host__ __device__ Complex& operator+=(Complex b) { return *this = *this + b; }
  __host__ __device__ Complex& operator*=(Complex b) { return *this = *this * b; }
  __host__ __device__ friend bool operator==(Complex a, Complex b) { return a.re == b.re && a.im == b.im; }
  __host__ __device__ friend bool operator!=(Complex a, Complex b) { return !(a == b); }
};

template <class T>
inline constexpr bool is_complex_type = false;
template <class T>
inline constexpr bool is_complex_type<Complex<T>> = true;

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<Complex<T>> {
  using type = T;
};
template <class T>
using real_of = typename RealOf<T>::type;

}  // namespace plait::cuda
