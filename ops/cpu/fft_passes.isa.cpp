#include "ops/cpu/fft_passes.h"

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "ops/cpu/fft_butterflies.h"

namespace plait::cpu {
namespace {

template <int R, bool Turns, class T>
PLAIT_INLINE void rows(T* re, T* im, int64_t apart, const T* w) {
  Complex<Vec<T>> x[R];
#pragma GCC unroll 16
  for (int k = 0; k < R; ++k) x[k] = load(re + k * apart, im + k * apart);
  butterfly<R, T>(x);
  store_sums<R, Turns, T>(re, im, apart, w, x);
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
