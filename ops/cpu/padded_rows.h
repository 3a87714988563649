// Rows of a few vectors, several at a time: each is padded to whole vectors, so that no loop has a rest, and
// goes through one step after the other beside its neighbours, so that none waits for the end of another.
// For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include <limits>

#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

template <class T>
class PaddedRows {
 public:
  static constexpr int64_t kLongest = 512;  // elements of a row

  explicit PaddedRows(int64_t n)
      : n_(n),
        vectors_((n + kLanes<T> - 1) / kLanes<T>),
        width_(vectors_ * kLanes<T>) {
    for (int j = 0; j < kLanes<T>; ++j) is_padding_[j] = width_ - kLanes<T> + j >= n;
  }

  static bool suits(int64_t rows, int64_t n) { return rows > 1 && n > 0 && n <= kLongest; }

  // Calls f(first row, count) for all rows, as many at a time as there is room for.
  template <class F>
  PLAIT_INLINE void over_blocks(int64_t rows, const F& f) {
    const int64_t fits = kRoom / width_, most = fits < kMost ? fits : kMost;
    for (int64_t first = 0; first < rows; first += most) f(first, rows - first < most ? rows - first : most);
  }

  // Rows, with -inf after their ends, and the largest element of each; a NaN counts where it is the first.
  PLAIT_INLINE void load(const T* x, int64_t count) {
    const T* const end = x + count * n_;
    for (int64_t r = 0; r < count; ++r, x += n_) {
      T* to = row(r);
      Vec<T> top = splat(x[0]);
      for (int64_t v = 0; v + 1 < vectors_; ++v) {
        const Vec<T> some = load_vector(x + v * kLanes<T>);
        store_vector(to + v * kLanes<T>, some);
        top = max_vector<T>(some, top);
      }
      const int64_t last = width_ - kLanes<T>;
      Vec<T> rest = splat(-std::numeric_limits<T>::infinity());
      if (x + width_ <= end)
        rest = is_padding_ ? rest : load_vector(x + last);
      else
        __builtin_memcpy(&rest, x + last, static_cast<size_t>(n_ - last) * sizeof(T));
      store_vector(to + last, rest);
      most[r] = max_lanes<T>(max_vector<T>(rest, top));
    }
  }

  // to = exp(row - shift), and the sum. `Below` says that no element is larger than the shift.
  template <bool Below>
  PLAIT_INLINE T exponentials(int64_t r, T shift, T* to) {
    const T* from = row(r);
#pragma GCC ivdep
    for (int64_t i = 0; i < vectors_ * kLanes<T>; ++i) {
      if constexpr (Below)
        to[i] = vec::exp_negative(vec::at_least(from[i] - shift, vec::kExpNegativeMin<T>));
      else
        to[i] = vec::exp(from[i] - shift);
    }
    return row_sum(to, vectors_ * kLanes<T>);
  }

  // y = f(values of row r as a vector, r)
  template <class F>
  PLAIT_INLINE void store(T* y, int64_t count, const F& f) const {
    T* const end = y + count * n_;
    for (int64_t r = 0; r < count; ++r, y += n_) {
      const T* from = values_ + r * width_;
      for (int64_t v = 0; v + 1 < vectors_; ++v)
        store_vector<T>(y + v * kLanes<T>, f(load_vector(from + v * kLanes<T>), r));
      const int64_t last = width_ - kLanes<T>;
      const Vec<T> rest = f(load_vector(from + last), r);
      if (y + width_ <= end)  // the next rows come after what is too much
        store_vector<T>(y + last, rest);
      else
        __builtin_memcpy(y + last, &rest, static_cast<size_t>(n_ - last) * sizeof(T));
    }
  }

  T* row(int64_t r) { return values_ + r * width_; }

  static constexpr int64_t kMost = 32;
  alignas(64) T most[kMost], sum[kMost];  // of the rows

 private:
  static constexpr int64_t kRoom = 2048;  // elements

  int64_t n_, vectors_, width_;
  decltype(Vec<T>{} > Vec<T>{}) is_padding_ = {};  // lanes of the last vector
  alignas(64) T values_[kRoom];
};

}  // namespace
}  // namespace plait::cpu
