#include "ops/cpu/fft_line_steps.h"

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include <algorithm>

#include "ops/cpu/fft_butterflies.h"
#include "ops/cpu/fft_lanes.h"

namespace plait::cpu {
namespace {

template <class T>
using Lanes = std::make_integer_sequence<int, kLanes<T>>;

template <int R, bool Whole, class T>
PLAIT_INLINE void first_pass_of(const FftPass<T>& pass, const FftLines<const T>& from) {
  const int64_t m = pass.m, numbers = 2 * from.lanes, stride = from.stride;
  const bool swapped = pass.rows.im < pass.rows.re;  // what is loaded is, too
  T *re = pass.rows.re, *im = pass.rows.im;
  const T *column = from.data + from.at[0], *w = pass.twiddles;
  for (int64_t p = 0; p < m; ++p, column += stride, re += kRow<T>, im += kRow<T>, w += 2 * (R - 1)) {
    Complex<Vec<T>> x[R];
#pragma GCC unroll 16
    for (int k = 0; k < R; ++k) {
      const T* const at = column + k * m * stride;
      Vec<T> a, b;
      __builtin_prefetch(at + from.ahead, 0, 2);
      __builtin_prefetch(at + from.ahead + 64 / sizeof(T), 0, 2);
      if constexpr (Whole) {
        a = load_vector(at), b = load_vector(at + kLanes<T>);
      } else {
        a = load_part(at, numbers);
        b = numbers > kLanes<T> ? load_part(at + kLanes<T>, numbers - kLanes<T>) : Vec<T>{};
      }
      part_lanes<T>(a, b, Lanes<T>());
      x[k] = swapped ? Complex<Vec<T>>{b, a} : Complex<Vec<T>>{a, b};
    }
    butterfly<R, T>(x);
    store_sums<R, true, T>(re, im, m * kRow<T>, w, x);
  }
}
template <int R, class T>
void first_pass(const FftPass<T>& pass, const FftLines<const T>& from) {
  if (from.lanes < kLanes<T>)
    first_pass_of<R, false>(pass, from);
  else
    first_pass_of<R, true>(pass, from);
}

template <class T>
PLAIT_INLINE void store_turned(T* to, Vec<T> (&v)[kLanes<T>], int64_t columns) {
  transpose<T>(v);
  if (columns == kLanes<T>) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) store_vector(to + i * kRow<T>, v[i]);
  } else {
    for (int64_t i = 0; i < columns; ++i) store_vector(to + i * kRow<T>, v[i]);
  }
}
template <class T>
void turn(const FftTurn<T>& p) {
  T *re = p.to.re, *im = p.to.im;
  for (int64_t first = 0; first < p.count; first += kLanes<T>, re += p.apart, im += p.apart) {
    Vec<T> real[kLanes<T>], imaginary[kLanes<T>];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) {
      const int64_t k = std::min(first + i, p.count - 1);
      __builtin_prefetch(p.soon + k * 2 * kLanes<T>, 1, 3);
      __builtin_prefetch(p.soon + k * 2 * kLanes<T> + 64 / sizeof(T), 1, 3);
      const T *const scalar = p.scalars + 2 * k, *const vector = p.vectors + k * kRow<T>;
      const Vec<T> a = load_vector(vector), b = load_vector(vector + kLanes<T>);
      const Complex<Vec<T>> w = turned<T>(Complex<Vec<T>>{a, b}, scalar[0], scalar[1]);
      const Complex<Vec<T>> x = load(p.from.re + p.order[k] * kRow<T>, p.from.im + p.order[k] * kRow<T>);
      real[i] = x.re * w.re - x.im * w.im;
      imaginary[i] = x.re * w.im + x.im * w.re;
    }
    store_turned<T>(re, real, p.columns);
    store_turned<T>(im, imaginary, p.columns);
  }
}

// Vectors of complex numbers that follow each other in memory, and in the opposite order.
template <class T>
PLAIT_INLINE Complex<Vec<T>> load_forward(const T* from) {
  Vec<T> a = load_vector(from), b = load_vector(from + kLanes<T>);
  part_lanes<T>(a, b, Lanes<T>());
  return {a, b};
}
template <class T>
PLAIT_INLINE void store_forward(T* to, Complex<Vec<T>> x) {
  join_lanes<T>(x.re, x.im, Lanes<T>());
  store(to, to + kLanes<T>, x);
}
template <class T, int... L>
PLAIT_INLINE Complex<Vec<T>> load_backward(const T* from, std::integer_sequence<int, L...>) {
  constexpr int kLast = 2 * static_cast<int>(sizeof...(L)) - 2;
  const Vec<T> a = load_vector(from), b = load_vector(from + kLanes<T>);
  return {__builtin_shufflevector(a, b, (kLast - 2 * L)...),
          __builtin_shufflevector(a, b, (kLast - 2 * L + 1)...)};
}
template <class T, int... L>
PLAIT_INLINE void store_backward(T* to, Complex<Vec<T>> x, std::integer_sequence<int, L...>) {
  constexpr int kWidth = sizeof...(L);
  store_vector(to, __builtin_shufflevector(x.re, x.im, (L % 2 * kWidth + kWidth - 1 - L / 2)...));
  store_vector(to + kLanes<T>,
               __builtin_shufflevector(x.re, x.im, (L % 2 * kWidth + kWidth / 2 - 1 - L / 2)...));
}

// One pair of numbers k and half - k of `from`, or vectors of them, to those of `to`.
template <class T, class V>
PLAIT_INLINE void coefficient_pair(Complex<V>& a, Complex<V>& b, Complex<V> w, T scale) {
  const T part = scale * static_cast<T>(0.5);
  const V even_re = (a.re + b.re) * part, even_im = (a.im - b.im) * part;
  const V odd_re = (a.im + b.im) * part, odd_im = (b.re - a.re) * part;
  const V t_re = odd_re * w.re - odd_im * w.im, t_im = odd_re * w.im + odd_im * w.re;
  a = {even_re + t_re, even_im + t_im};
  b = {even_re - t_re, t_im - even_im};
}
template <class T, class V>
PLAIT_INLINE void number_pair(Complex<V>& a, Complex<V>& b, Complex<V> w, T scale) {
  const V even_re = (a.re + b.re) * scale, even_im = (a.im - b.im) * scale;
  const V d_re = (a.re - b.re) * scale, d_im = (a.im + b.im) * scale;
  const V t_re = d_re * w.re + d_im * w.im, t_im = d_im * w.re - d_re * w.im;  // the odd ones
  a = {even_re - t_im, even_im + t_re};
  b = {even_re + t_im, t_re - even_im};
}

// f(a, b, w) for pairs of numbers and their roots. The last vectors may overlap others, which come out the
// same.
template <class T, class F>
PLAIT_INLINE void over_pairs(const FftCoefficients<T>& p, const F& f) {
  int64_t k = std::max<int64_t>(p.begin, 1);
  if (p.end - k >= kLanes<T>) {
    while (k < p.end) {
      k = std::min(k, p.end - kLanes<T>);
      const int64_t mirrored = p.half - k - kLanes<T> + 1;
      Complex<Vec<T>> a = load_forward(p.from + 2 * k);
      Complex<Vec<T>> b = load_backward<T>(p.from + 2 * mirrored, Lanes<T>());
      f(a, b, load_forward(p.roots + 2 * k));
      store_forward(p.to + 2 * k, a);
      store_backward<T>(p.to + 2 * mirrored, b, Lanes<T>());
      k += kLanes<T>;
    }
    return;
  }
  for (; k < p.end; ++k) {
    const int64_t i = 2 * k, j = 2 * (p.half - k);
    Complex<T> a = {p.from[i], p.from[i + 1]}, b = {p.from[j], p.from[j + 1]};
    f(a, b, Complex<T>{p.roots[i], p.roots[i + 1]});
    p.to[i] = a.re, p.to[i + 1] = a.im;
    p.to[j] = b.re, p.to[j + 1] = b.im;
  }
}

template <class T>
void to_coefficients(const FftCoefficients<T>& p) {
  const T scale = p.scale;
  if (p.begin == 0) {
    const T re = p.from[0] * scale, im = p.from[1] * scale;
    p.to[0] = re + im, p.to[1] = 0;
    p.to[2 * p.half] = re - im, p.to[2 * p.half + 1] = 0;
  }
  over_pairs(p, [=](auto& a, auto& b, auto w) { coefficient_pair(a, b, w, scale); });
}
template <class T>
void from_coefficients(const FftCoefficients<T>& p) {
  const T scale = p.scale;
  if (p.begin == 0) {
    const T first = p.from[0] * scale, last = p.from[2 * p.half] * scale;
    p.to[0] = first + last, p.to[1] = first - last;
  }
  over_pairs(p, [=](auto& a, auto& b, auto w) { number_pair(a, b, w, scale); });
}

template <class T>
constexpr FftLineSteps<T> steps() {
  FftLineSteps<T> table = {{}, &turn<T>, &to_coefficients<T>, &from_coefficients<T>};
  table.first_pass[2] = &first_pass<2, T>;
  table.first_pass[3] = &first_pass<3, T>;
  table.first_pass[4] = &first_pass<4, T>;
  table.first_pass[5] = &first_pass<5, T>;
  table.first_pass[7] = &first_pass<7, T>;
  table.first_pass[8] = &first_pass<8, T>;
  table.first_pass[11] = &first_pass<11, T>;
  table.first_pass[13] = &first_pass<13, T>;
  return table;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const FftLineStepTable fft_line_step_table = {steps<float>(), steps<double>()};
}

}  // namespace plait::cpu
