#include "ops/cpu/fft_rows.h"

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "ops/cpu/fft_butterflies.h"
#include "ops/cpu/fft_lanes.h"

namespace plait::cpu {
namespace {

template <int Parts, class T>
void load_lines_of(T* rows, const FftLines<const T>& from, int64_t count) {
  constexpr int64_t kStep = kRow<T> / Parts;
  const int64_t numbers = count * Parts, ahead = from.ahead, *const at = from.at;
  const T* const data = from.data;
  if (numbers < kLanes<T>) {
    for (int l = 0; l < kLanes<T>; ++l)
      for (int64_t c = 0; c < numbers; ++c) rows[c * kStep + l] = data[at[l] + c];
    return;
  }
  over_squares<T>(numbers, [=](int64_t c) {
    Vec<T> v[kLanes<T>];
#pragma GCC unroll 16
    for (int l = 0; l < kLanes<T>; ++l) {
      v[l] = load_vector(data + at[l] + c);
      __builtin_prefetch(data + at[l] + c + ahead, 0, 2);
    }
    transpose<T>(v);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) store_vector(rows + (c + i) * kStep, v[i]);
  });
}
template <class T>
void load_lines(T* rows, const FftLines<const T>& from, int64_t count, int parts) {
  if (parts == 2)
    load_lines_of<2>(rows, from, count);
  else
    load_lines_of<1>(rows, from, count);
}

template <int Parts, class T>
void store_lines_of(const FftLines<T>& to, const T* rows, const int32_t* order, int64_t count, T scale) {
  const int64_t numbers = count * Parts, lanes = to.lanes, ahead = to.ahead, *const at = to.at;
  T* const data = to.data;
  if (numbers < kLanes<T>) {
    for (int64_t l = 0; l < lanes; ++l)
      for (int64_t c = 0; c < numbers; ++c)
        data[at[l] + c] = rows[order[c / Parts] * kRow<T> + c % Parts * kLanes<T> + l] * scale;
    return;
  }
  over_squares<T>(numbers, [=](int64_t c) {
    Vec<T> v[kLanes<T>];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; i += Parts) {
      const T* const row = rows + order[(c + i) / Parts] * kRow<T>;
      v[i] = load_vector(row) * scale;
      if constexpr (Parts == 2) v[i + 1] = load_vector(row + kLanes<T>) * scale;
    }
    transpose<T>(v);
    if (lanes == kLanes<T>) {
#pragma GCC unroll 16
      for (int l = 0; l < kLanes<T>; ++l) {
        store_vector(data + at[l] + c, v[l]);
        __builtin_prefetch(data + at[l] + c + ahead, 1, 2);
      }
    } else {
      for (int l = 0; l < lanes; ++l) store_vector(data + at[l] + c, v[l]);
    }
  });
}
template <class T>
void store_lines(const FftLines<T>& to, const T* rows, const int32_t* order, int64_t count, int parts,
                 T scale) {
  if (parts == 2)
    store_lines_of<2>(to, rows, order, count, scale);
  else
    store_lines_of<1>(to, rows, order, count, scale);
}

template <bool Whole, class T>
PLAIT_INLINE void load_columns_of(T* rows, const FftLines<const T>& from, int64_t count, int parts) {
  using Lanes = std::make_integer_sequence<int, kLanes<T>>;
  const T* x = from.data + from.at[0];
  for (int64_t k = 0; k < count; ++k, x += from.stride, rows += kRow<T>) {
    const int64_t n = Whole ? 2 * kLanes<T> : parts * from.lanes;
    Vec<T> a = load_part(x, n);
    if (parts == 2) {
      Vec<T> b = n > kLanes<T> ? load_part(x + kLanes<T>, n - kLanes<T>) : Vec<T>{};
      part_lanes<T>(a, b, Lanes());
      store_vector(rows + kLanes<T>, b);
    }
    store_vector(rows, a);
  }
}
template <class T>
void load_columns(T* rows, const FftLines<const T>& from, int64_t count, int parts) {
  if (from.lanes < kLanes<T>)
    load_columns_of<false>(rows, from, count, parts);
  else if (parts == 2)
    load_columns_of<true>(rows, from, count, 2);
  else
    load_columns_of<true>(rows, from, count, 1);
}

template <bool Whole, class T>
PLAIT_INLINE void store_columns_of(const FftLines<T>& to, const T* rows, const int32_t* order, int64_t count,
                                   int parts, T scale) {
  using Lanes = std::make_integer_sequence<int, kLanes<T>>;
  T* x = to.data + to.at[0];
  for (int64_t k = 0; k < count; ++k, x += to.stride) {
    const T* const row = rows + order[k] * kRow<T>;
    const int64_t n = Whole ? 2 * kLanes<T> : parts * to.lanes;
    Vec<T> a = load_vector(row) * scale;
    if (parts == 2) {
      Vec<T> b = load_vector(row + kLanes<T>) * scale;
      join_lanes<T>(a, b, Lanes());
      store_part(x + kLanes<T>, b, n - kLanes<T>);
    }
    store_part(x, a, n);
  }
}
template <class T>
void store_columns(const FftLines<T>& to, const T* rows, const int32_t* order, int64_t count, int parts,
                   T scale) {
  if (to.lanes < kLanes<T>)
    store_columns_of<false>(to, rows, order, count, parts, scale);
  else if (parts == 2)
    store_columns_of<true>(to, rows, order, count, 2, scale);
  else
    store_columns_of<true>(to, rows, order, count, 1, scale);
}

template <class T>
void multiply(FftRows<T> to, const int32_t* to_order, FftRows<T> from, const int32_t* from_order,
              const T* numbers, int64_t count) {
  for (int64_t k = 0; k < count; ++k) {
    const int64_t i = from_order[k] * kRow<T>, j = to_order[k] * kRow<T>;
    const T w_re = numbers[2 * k], w_im = numbers[2 * k + 1];
    const Vec<T> x = load_vector(from.re + i), y = load_vector(from.im + i);
    store_vector(to.re + j, x * w_re - y * w_im);
    store_vector(to.im + j, x * w_im + y * w_re);
  }
}

// Coefficients k and half - k, from numbers k and half - k, and back.
template <class T>
void to_coefficients(FftRows<T> rows, const int32_t* order, const T* roots, int64_t half) {
  const T part = static_cast<T>(0.5);
  {
    T *re = rows.re + order[0] * kRow<T>, *im = rows.im + order[0] * kRow<T>;
    const Vec<T> x = load_vector(re), y = load_vector(im);
    store_vector(re, x + y);
    store_vector(im, Vec<T>{});
    store_vector(rows.re + order[half] * kRow<T>, x - y);
    store_vector(rows.im + order[half] * kRow<T>, Vec<T>{});
  }
  for (int64_t k = 1; 2 * k <= half; ++k) {
    const int64_t i = order[k] * kRow<T>, j = order[half - k] * kRow<T>;
    const T w_re = roots[2 * k] * part, w_im = roots[2 * k + 1] * part;
    const Vec<T> a_re = load_vector(rows.re + i), a_im = load_vector(rows.im + i);
    const Vec<T> b_re = load_vector(rows.re + j), b_im = load_vector(rows.im + j);
    const Vec<T> even_re = (a_re + b_re) * part, even_im = (a_im - b_im) * part;
    const Vec<T> odd_re = a_im + b_im, odd_im = b_re - a_re;
    const Vec<T> t_re = odd_re * w_re - odd_im * w_im, t_im = odd_re * w_im + odd_im * w_re;
    store_vector(rows.re + j, even_re - t_re);
    store_vector(rows.im + j, t_im - even_im);
    store_vector(rows.re + i, even_re + t_re);
    store_vector(rows.im + i, even_im + t_im);
  }
}
template <class T>
void from_coefficients(FftRows<T> rows, const T* roots, int64_t half) {
  {
    const Vec<T> first = load_vector(rows.re), last = load_vector(rows.re + half * kRow<T>);
    store_vector(rows.re, first + last);
    store_vector(rows.im, first - last);
  }
  for (int64_t k = 1; 2 * k <= half; ++k) {
    const int64_t i = k * kRow<T>, j = (half - k) * kRow<T>;
    const T w_re = roots[2 * k], w_im = -roots[2 * k + 1];
    const Vec<T> a_re = load_vector(rows.re + i), a_im = load_vector(rows.im + i);
    const Vec<T> b_re = load_vector(rows.re + j), b_im = load_vector(rows.im + j);
    const Vec<T> even_re = a_re + b_re, even_im = a_im - b_im;
    const Vec<T> d_re = a_re - b_re, d_im = a_im + b_im;
    const Vec<T> t_re = d_re * w_re - d_im * w_im, t_im = d_re * w_im + d_im * w_re;  // the odd ones
    store_vector(rows.re + j, even_re + t_im);
    store_vector(rows.im + j, t_re - even_im);
    store_vector(rows.re + i, even_re - t_im);
    store_vector(rows.im + i, even_im + t_re);
  }
}

template <class T>
constexpr FftRowLoops<T> loops() {
  return {&load_lines<T>, &load_columns<T>,    &store_lines<T>,      &store_columns<T>,
          &multiply<T>,   &to_coefficients<T>, &from_coefficients<T>};
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const FftRowTable fft_row_table = {loops<float>(), loops<double>()};
}

}  // namespace plait::cpu
