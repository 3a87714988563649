#include "ops/cpu/fft_passes.h"

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "ops/cpu/gemm_tile.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

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

template <class T>
constexpr int64_t kRow = 2 * kLanes<T>;

template <int R, bool Turns, class T>
PLAIT_INLINE void rows(T* re, T* im, int64_t apart, const T* w) {
  Complex<Vec<T>> x[R];
#pragma GCC unroll 16
  for (int k = 0; k < R; ++k) x[k] = load(re + k * apart, im + k * apart);
  butterfly<R, T>(x);
  store(re, im, x[0]);
#pragma GCC unroll 16
  for (int j = 1; j < R; ++j)
    store(re + j * apart, im + j * apart, Turns ? turned(x[j], w[2 * j - 2], w[2 * j - 1]) : x[j]);
}

template <int R, class T>
void run(const FftPass<T>& pass) {
  const int64_t m = pass.m;
  T *re = pass.rows.re, *im = pass.rows.im;
  if (m == 1) {
    for (int64_t block = 0; block < pass.count; ++block, re += R * kRow<T>, im += R * kRow<T>)
      rows<R, false, T>(re, im, kRow<T>, nullptr);
    return;
  }
  for (int64_t block = 0; block < pass.count; ++block, re += R * m * kRow<T>, im += R * m * kRow<T>) {
    const T* w = pass.twiddles;
    for (int64_t p = 0; p < m; ++p, w += 2 * (R - 1))
      rows<R, true, T>(re + p * kRow<T>, im + p * kRow<T>, m * kRow<T>, w);
  }
}

// r^2 / 2 operations, for a prime number r.
template <class T>
void run_by_definition(const FftPass<T>& pass) {
  const int64_t r = pass.radix, half = r / 2, m = pass.m, apart = m * kRow<T>;
  for (int64_t block = 0; block < pass.count; ++block) {
    for (int64_t p = 0; p < m; ++p) {
      T* const re = pass.rows.re + (block * r * m + p) * kRow<T>;
      T* const im = pass.rows.im + (block * r * m + p) * kRow<T>;
      const T* const w = pass.twiddles + 2 * p * (r - 1);
      const Complex<Vec<T>> first = load(re, im);
      Complex<Vec<T>> sums[kFftLargestRadix / 2], differences[kFftLargestRadix / 2], total = first;
      for (int64_t k = 0; k < half; ++k) {
        const int64_t a = (k + 1) * apart, b = (r - 1 - k) * apart;
        const Complex<Vec<T>> x = load(re + a, im + a), y = load(re + b, im + b);
        sums[k] = x + y;
        differences[k] = (x - y).over_i();
        total = total + sums[k];
      }
      store(re, im, total);
      for (int64_t j = 1; j <= half; ++j) {
        Complex<Vec<T>> even = first, odd = {};
        for (int64_t k = 0, turns = 0; k < half; ++k) {
          turns += j;
          if (turns >= r) turns -= r;
          const T c = pass.roots[2 * turns], s = -pass.roots[2 * turns + 1];
          even.re += sums[k].re * c, even.im += sums[k].im * c;
          odd.re += differences[k].re * s, odd.im += differences[k].im * s;
        }
        const int64_t a = j * apart, b = (r - j) * apart, i = 2 * j - 2, l = 2 * (r - j) - 2;
        store(re + a, im + a, turned(even + odd, w[i], w[i + 1]));
        store(re + b, im + b, turned(even - odd, w[l], w[l + 1]));
      }
    }
  }
}

template <class T>
constexpr FftPasses<T> passes() {
  FftPasses<T> table = {kLanes<T>, {}, &run_by_definition<T>};
  table.of_radix[2] = &run<2, T>;
  table.of_radix[3] = &run<3, T>;
  table.of_radix[4] = &run<4, T>;
  table.of_radix[5] = &run<5, T>;
  table.of_radix[7] = &run<7, T>;
  table.of_radix[8] = &run<8, T>;
  table.of_radix[11] = &run<11, T>;
  table.of_radix[13] = &run<13, T>;
  return table;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const FftPassTable fft_pass_table = {passes<float>(), passes<double>()};
}

}  // namespace plait::cpu
