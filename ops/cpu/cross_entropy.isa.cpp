#include "ops/cpu/cross_entropy.h"

#include <limits>

#include "ops/cpu/exponentials.h"
#include "ops/cpu/padded_rows.h"
#include "ops/cpu/short_rows.h"

namespace plait::cpu {
namespace {

// The sum of exp(x - shift), with the shift that keeps it in range: the largest number of the row, where that
// is finite. A null y keeps no exponentials.
template <class T>
T shifted_sum(const T* x, int64_t columns, T* y, T& shift) {
  if (columns == 0) return shift = 0;
  const T most = row_max(x, columns), infinity = std::numeric_limits<T>::infinity();
  const bool finite = most != infinity && most != -infinity;
  shift = finite ? most : T(0);
  return finite ? exponentials<true>(x, columns, shift, y) : exponentials<false>(x, columns, shift, y);
}

// The columns become exp(x - shift).
template <class T>
void exponentials_of_columns(T* __restrict columns, int64_t n, T* __restrict sum, T* __restrict shift) {
  const T infinity = std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < kSideBySide; ++j) shift[j] = -infinity, sum[j] = 0;
  const T* x = columns;
  for (int64_t c = 0; c < n; ++c, x += kSideBySide)
    for (int64_t j = 0; j < kSideBySide; ++j) shift[j] = x[j] > shift[j] ? x[j] : shift[j];
  for (int64_t j = 0; j < kSideBySide; ++j)
    shift[j] = vec::select(shift[j] - shift[j] == T(0), shift[j], T(0));  // a finite one
  T* y = columns;
  for (int64_t c = 0; c < n; ++c, y += kSideBySide)
    for (int64_t j = 0; j < kSideBySide; ++j) {
      y[j] = vec::exp(y[j] - shift[j]);
      sum[j] += y[j];
    }
}

// sum = those of exp(row - shift), shift as above. The rows become the exponentials, or stay where `once` has
// room for those of one.
template <class T>
PLAIT_INLINE void shifted_sums(PaddedRows<T>& rows, int64_t count, T* once) {
  for (int64_t r = 0; r < count; ++r) {
    T& shift = rows.most[r];
    const bool finite = shift - shift == T(0);
    shift = finite ? shift : T(0);
    T* to = once ? once : rows.row(r);
    rows.sum[r] = finite ? rows.template exponentials<true>(r, shift, to)
                         : rows.template exponentials<false>(r, shift, to);
  }
}

template <class T>
void log_sum_exp(const T* x, int64_t rows, int64_t columns, T* lse) {
  if (columns < kShortRow && rows >= kShortRow)
    return over_blocks(rows, [&](int64_t first, int64_t count) {
      Turned<T> turned(x + first * columns, count, columns);
      alignas(64) T sum[kSideBySide], shift[kSideBySide];
      exponentials_of_columns(turned.columns, columns, sum, shift);
      for (int64_t j = 0; j < kSideBySide; ++j) shift[j] += vec::log(sum[j]);
      for (int64_t j = 0; j < count; ++j) lse[first + j] = shift[j];
    });
  if (PaddedRows<T>::suits(rows, columns)) {
    PaddedRows<T> padded(columns);
    alignas(64) T once[PaddedRows<T>::kLongest];
    return padded.over_blocks(rows, [&](int64_t first, int64_t count) {
      padded.load(x + first * columns, count);
      shifted_sums(padded, count, once);
      for (int64_t r = 0; r < count; ++r) lse[first + r] = padded.most[r] + vec::log(padded.sum[r]);
    });
  }
  for (int64_t r = 0; r < rows; ++r, x += columns) {
    T shift;
    const T sum = shifted_sum<T>(x, columns, nullptr, shift);
    lse[r] = shift + vec::log(sum);
  }
}

template <class T>
void softmax(const T* x, const T* scale, int64_t rows, int64_t columns, T* __restrict y, T* lse) {
  if (columns < kShortRow && rows >= kShortRow)
    return over_blocks(rows, [&](int64_t first, int64_t count) {
      Turned<T> turned(x + first * columns, count, columns);
      alignas(64) T sum[kSideBySide], shift[kSideBySide], factor[kSideBySide] = {};
      exponentials_of_columns(turned.columns, columns, sum, shift);
      for (int64_t j = 0; j < count; ++j) factor[j] = scale[first + j];
      for (int64_t j = 0; j < kSideBySide; ++j) {
        shift[j] += vec::log(sum[j]);
        factor[j] /= sum[j];
      }
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t j = 0; j < kSideBySide; ++j) turned.columns[c * kSideBySide + j] *= factor[j];
      for (int64_t j = 0; j < count; ++j) lse[first + j] = shift[j];
      turned.back(count, columns, y + first * columns);
    });
  if (PaddedRows<T>::suits(rows, columns)) {
    PaddedRows<T> padded(columns);
    return padded.over_blocks(rows, [&](int64_t first, int64_t count) {
      padded.load(x + first * columns, count);
      shifted_sums<T>(padded, count, nullptr);
      T *shift = padded.most, *sum = padded.sum;
      for (int64_t r = 0; r < count; ++r) lse[first + r] = shift[r] + vec::log(sum[r]);
      for (int64_t r = 0; r < count; ++r) sum[r] = scale[first + r] / sum[r];
      padded.store(
          y + first * columns,
          count, [&](Vec<T> v, int64_t r) __attribute__((always_inline)) { return v * sum[r]; });
    });
  }
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns) {
    T shift;
    const T sum = shifted_sum(x, columns, y, shift);
    lse[r] = shift + vec::log(sum);
    const T factor = scale[r] / sum;
    for (int64_t c = 0; c < columns; ++c) y[c] *= factor;
  }
}

template <class T>
void softmax_of_lse(const T* x, const T* lse, const T* scale, int64_t rows, int64_t columns,
                    T* __restrict y) {
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns)
    for (int64_t c = 0; c < columns; ++c) y[c] = scale[r] * vec::exp(x[c] - lse[r]);
}

template <class T>
T weighted_sum(const T* x, const T* weight, int64_t columns) {
  if (!weight) return row_sum(x, columns);
  ChainedSum<T> dot;
  over_values<T>(
      columns, [&](auto at) __attribute__((always_inline)) { at.add(dot, at.load(weight) * at.load(x)); });
  return dot.total();
}

template <class T>
constexpr CrossEntropyRows<T> kernels() {
  return {log_sum_exp<T>, softmax<T>, softmax_of_lse<T>, weighted_sum<T>};
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const CrossEntropyTable cross_entropy_table = {kernels<float>(), kernels<double>()};
}

}  // namespace plait::cpu
