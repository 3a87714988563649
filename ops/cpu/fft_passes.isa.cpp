#include "ops/cpu/fft_passes.h"

#include "plait/inline.h"

namespace plait::cpu {
namespace {

// The sums over exp(-2 pi i j k / R) of R numbers, in place.
template <int R, class T>
PLAIT_INLINE void butterfly(T (&re)[R], T (&im)[R]) {
  if constexpr (R == 2) {
    const T a = re[0] - re[1], b = im[0] - im[1];
    re[0] += re[1], im[0] += im[1];
    re[1] = a, im[1] = b;
  } else if constexpr (R == 3) {
    constexpr T kSine = static_cast<T>(0.866025403784438646763723170752936183);
    const T sum_re = re[1] + re[2], sum_im = im[1] + im[2];
    const T mid_re = re[0] - sum_re / 2, mid_im = im[0] - sum_im / 2;
    const T turned_re = kSine * (im[1] - im[2]), turned_im = kSine * (re[2] - re[1]);
    re[0] += sum_re, im[0] += sum_im;
    re[1] = mid_re + turned_re, im[1] = mid_im + turned_im;
    re[2] = mid_re - turned_re, im[2] = mid_im - turned_im;
  } else if constexpr (R == 4) {
    const T a_re = re[0] + re[2], a_im = im[0] + im[2], b_re = re[0] - re[2], b_im = im[0] - im[2];
    const T c_re = re[1] + re[3], c_im = im[1] + im[3], d_re = im[1] - im[3], d_im = re[3] - re[1];
    re[0] = a_re + c_re, im[0] = a_im + c_im;
    re[1] = b_re + d_re, im[1] = b_im + d_im;
    re[2] = a_re - c_re, im[2] = a_im - c_im;
    re[3] = b_re - d_re, im[3] = b_im - d_im;
  } else {
    static_assert(R == 5);
    constexpr T kCos1 = static_cast<T>(0.309016994374947424102293417182819059);
    constexpr T kCos2 = static_cast<T>(-0.809016994374947424102293417182819059);
    constexpr T kSin1 = static_cast<T>(0.951056516295153572116439333379382143);
    constexpr T kSin2 = static_cast<T>(0.587785252292473129168705954639072769);
    const T p_re = re[1] + re[4], p_im = im[1] + im[4], q_re = re[1] - re[4], q_im = im[1] - im[4];
    const T r_re = re[2] + re[3], r_im = im[2] + im[3], t_re = re[2] - re[3], t_im = im[2] - im[3];
    const T a_re = re[0] + kCos1 * p_re + kCos2 * r_re, a_im = im[0] + kCos1 * p_im + kCos2 * r_im;
    const T b_re = re[0] + kCos2 * p_re + kCos1 * r_re, b_im = im[0] + kCos2 * p_im + kCos1 * r_im;
    const T c_re = kSin1 * q_im + kSin2 * t_im, c_im = -(kSin1 * q_re + kSin2 * t_re);
    const T d_re = kSin2 * q_im - kSin1 * t_im, d_im = kSin1 * t_re - kSin2 * q_re;
    re[0] += p_re + r_re, im[0] += p_im + r_im;
    re[1] = a_re + c_re, im[1] = a_im + c_im;
    re[2] = b_re + d_re, im[2] = b_im + d_im;
    re[3] = b_re - d_re, im[3] = b_im - d_im;
    re[4] = a_re - c_re, im[4] = a_im - c_im;
  }
}

// Rows of s numbers from `in` and to `out`.
template <int R, class T>
PLAIT_INLINE void rows(const FftPass<T>& pass, int64_t p, int64_t s) {
  const T* const in_re = pass.in_re + s * p;
  const T* const in_im = pass.in_im + s * p;
  T* const out_re = pass.out_re + s * R * p;
  T* const out_im = pass.out_im + s * R * p;
  T w_re[R], w_im[R];
  for (int j = 1; j < R; ++j) {
    w_re[j] = pass.twiddles[2 * (p * (R - 1) + j - 1)];
    w_im[j] = pass.twiddles[2 * (p * (R - 1) + j - 1) + 1];
  }
  const int64_t apart = s * pass.m;
#pragma GCC ivdep
  for (int64_t q = 0; q < s; ++q) {
    T re[R], im[R];
    for (int k = 0; k < R; ++k) {
      re[k] = in_re[q + apart * k];
      im[k] = in_im[q + apart * k];
    }
    butterfly<R>(re, im);
    out_re[q] = re[0];
    out_im[q] = im[0];
    for (int j = 1; j < R; ++j) {
      out_re[q + s * j] = re[j] * w_re[j] - im[j] * w_im[j];
      out_im[q + s * j] = re[j] * w_im[j] + im[j] * w_re[j];
    }
  }
}

template <int R, class T>
void run(const FftPass<T>& pass) {
  if (pass.s == 1)
    for (int64_t p = 0; p < pass.m; ++p) rows<R>(pass, p, 1);
  else
    for (int64_t p = 0; p < pass.m; ++p) rows<R>(pass, p, pass.s);
}

// r^2 operations, for a prime number r.
template <class T>
void run_by_definition(const FftPass<T>& pass) {
  const int64_t r = pass.radix, s = pass.s;
  for (int64_t p = 0; p < pass.m; ++p) {
    for (int64_t j = 0; j < r; ++j) {
      T* const out_re = pass.out_re + s * (r * p + j);
      T* const out_im = pass.out_im + s * (r * p + j);
      for (int64_t k = 0; k < r; ++k) {
        const T w_re = pass.roots[2 * (j * k % r)], w_im = pass.roots[2 * (j * k % r) + 1];
        const T* const in_re = pass.in_re + s * (p + pass.m * k);
        const T* const in_im = pass.in_im + s * (p + pass.m * k);
        if (k == 0) {
#pragma GCC ivdep
          for (int64_t q = 0; q < s; ++q) out_re[q] = in_re[q], out_im[q] = in_im[q];
        } else {
#pragma GCC ivdep
          for (int64_t q = 0; q < s; ++q) {
            out_re[q] += in_re[q] * w_re - in_im[q] * w_im;
            out_im[q] += in_re[q] * w_im + in_im[q] * w_re;
          }
        }
      }
      if (j == 0) continue;
      const T w_re = pass.twiddles[2 * (p * (r - 1) + j - 1)],
              w_im = pass.twiddles[2 * (p * (r - 1) + j - 1) + 1];
#pragma GCC ivdep
      for (int64_t q = 0; q < s; ++q) {
        const T re = out_re[q], im = out_im[q];
        out_re[q] = re * w_re - im * w_im;
        out_im[q] = re * w_im + im * w_re;
      }
    }
  }
}

template <class T>
constexpr FftPasses<T> passes() {
  return {{nullptr, nullptr, &run<2, T>, &run<3, T>, &run<4, T>, &run<5, T>}, &run_by_definition<T>};
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const FftTable fft_table = {passes<float>(), passes<double>()};
}

}  // namespace plait::cpu
