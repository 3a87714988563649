// Means and variances in one pass over memory. A block that fits the cache is read twice, for its mean and
// for the deviations from it; blocks are merged in double by the formula of Chan, Golub and LeVeque
// ("Updating formulae and a pairwise algorithm for computing sample variances", 1979).
#include "ops/cpu/reduce_loops.h"

namespace plait::cpu {
namespace {

struct Moment {
  double count, mean, squares;  // sum of squared deviations from the mean
};

PLAIT_INLINE Moment merged(const Moment& a, const Moment& b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  const double count = a.count + b.count, delta = b.mean - a.mean;
  return {count, (a.mean * a.count + b.mean * b.count) / count,
          a.squares + b.squares + delta * delta * (a.count * b.count / count)};
}

// From sums over `n` elements of d = x - center and d^2.
PLAIT_INLINE Moment around(double center, double sum, double squares, double n) {
  const double shift = sum / n;
  const double rest = squares - sum * shift;
  return {n, shift == shift ? center + shift : center, rest < 0 ? 0 : rest};  // the mean of infinities is one
}

template <class E>
struct Plain {
  using Lane = E;
  using Acc = double;
  static constexpr Lane identity = 0;
  template <class X>
  static PLAIT_INLINE X map(X x) {
    return x;
  }
  template <class L>
  static PLAIT_INLINE L step(L a, L x) {
    return a + x;
  }
  static PLAIT_INLINE Acc merge(Acc a, Acc b) { return a + b; }
  static PLAIT_INLINE Acc lift(Lane a) { return a; }
};

template <class E>
PLAIT_INLINE Moment block_moment(const E* x, int64_t n) {
  constexpr int kWidth = kVectorBytes / sizeof(E), kUnroll = 4;
  using V = Vector<E, kWidth>;
  const E center = static_cast<E>(block<Plain<E>>(x, n) / static_cast<double>(n));
  double sum = 0, squares = 0;
  int64_t i = 0;
  if (n >= kWidth) {
    V sums[kUnroll] = {}, products[kUnroll] = {};
    for (; i + kWidth * kUnroll <= n; i += kWidth * kUnroll) {
#pragma GCC unroll 4
      for (int k = 0; k < kUnroll; ++k) {
        const V d = load_vector<V>(x + i + k * kWidth) - center;
        sums[k] += d;
        products[k] += d * d;
      }
    }
    for (; i + kWidth <= n; i += kWidth) {
      const V d = load_vector<V>(x + i) - center;
      sums[0] += d;
      products[0] += d * d;
    }
    sum = fold<Plain<E>>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    squares = fold<Plain<E>>((products[0] + products[1]) + (products[2] + products[3]));
  }
  for (; i < n; ++i) {
    const double d = x[i] - center;
    sum += d;
    squares += d * d;
  }
  return around(static_cast<double>(center), sum, squares, static_cast<double>(n));
}

template <class T>
void moment_rows(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                 void* acc) {
  using E = Element<T>;
  auto* out = static_cast<Moment*>(acc);
  alignas(64) E buffer[kGathered];
  for (int64_t r = 0; r < rows; ++r, x += row_stride) {
    Moment total = out[r];
    for (int64_t i = 0; i < n; i += kGathered) {
      const int64_t m = n - i < kGathered ? n - i : kGathered;
      total = merged(total, block_moment(elements<T>(x + i * stride, stride, buffer, m), m));
    }
    out[r] = total;
  }
}

constexpr int64_t kMomentColumns = 512;

template <class E, int Rows>
PLAIT_INLINE void add_deviations(const E* center, E* sums, E* squares, const E* const* x, int64_t n) {
  constexpr int kWidth = kVectorBytes / sizeof(E);
  using V = Vector<E, kWidth>;
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const V c = load_vector<V>(center + i);
    V s = load_vector<V>(sums + i), q = load_vector<V>(squares + i);
#pragma GCC unroll 4
    for (int k = 0; k < Rows; ++k) {
      const V d = load_vector<V>(x[k] + i) - c;
      s += d;
      q += d * d;
    }
    __builtin_memcpy(sums + i, &s, sizeof(V));
    __builtin_memcpy(squares + i, &q, sizeof(V));
  }
  for (; i < n; ++i)
    for (int k = 0; k < Rows; ++k) {
      const E d = x[k][i] - center[i];
      sums[i] += d;
      squares[i] += d * d;
    }
}

template <class T>
void moment_columns(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                    void* acc) {
  using E = Element<T>;
  constexpr int64_t kBlockRows = 64;  // of 512 floats: 128 KiB, within the second-level cache
  constexpr int kGroup = 4;
  auto* out = static_cast<Moment*>(acc);
  alignas(64) E center[kMomentColumns], sums[kMomentColumns], squares[kMomentColumns],
      buffers[kGroup][kMomentColumns];
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t count = rows - begin < kBlockRows ? rows - begin : kBlockRows;
    const char* from = x + begin * row_stride;
    for (int64_t i = 0; i < n; ++i) sums[i] = center[i] = squares[i] = 0;
    const auto walk = [&](auto&& four, auto&& one) __attribute__((always_inline)) {
      int64_t r = 0;
      for (; r + kGroup <= count; r += kGroup) {
        const E* group[kGroup];
        for (int k = 0; k < kGroup; ++k)
          group[k] = elements<T>(from + (r + k) * row_stride, stride, buffers[k], n);
        four(group);
      }
      for (; r < count; ++r) {
        const E* row = elements<T>(from + r * row_stride, stride, buffers[0], n);
        one(&row);
      }
    };
    walk(
        [&](const E* const* g) __attribute__((always_inline)) { add_rows<Plain<E>, kGroup>(center, g, n); },
        [&](const E* const* g) __attribute__((always_inline)) { add_rows<Plain<E>, 1>(center, g, n); });
    for (int64_t i = 0; i < n; ++i) center[i] /= static_cast<E>(count);
    walk(
        [&](const E* const* g)
            __attribute__((always_inline)) { add_deviations<E, kGroup>(center, sums, squares, g, n); },
        [&](const E* const* g)
            __attribute__((always_inline)) { add_deviations<E, 1>(center, sums, squares, g, n); });
    for (int64_t i = 0; i < n; ++i)
      out[i] = merged(
          out[i], around(static_cast<double>(center[i]), sums[i], squares[i], static_cast<double>(count)));
  }
}

void init_moments(void* acc, int64_t n) {
  auto* a = static_cast<Moment*>(acc);
  for (int64_t i = 0; i < n; ++i) a[i] = {0, 0, 0};
}
void merge_moments(void* acc, const void* other, int64_t n) {
  auto* a = static_cast<Moment*>(acc);
  auto* b = static_cast<const Moment*>(other);
  for (int64_t i = 0; i < n; ++i) a[i] = merged(a[i], b[i]);
}
template <class T>
void finish_moments(const void* acc, int64_t n, char* out, int64_t out_stride, const ReduceParams& params) {
  auto* a = static_cast<const Moment*>(acc);
  for (int64_t i = 0; i < n; ++i) {
    double value = a[i].squares / params.divisor;  // 0 / 0: NaN
    if (params.root) value = __builtin_sqrt(value);
    if (params.location) value = a[i].count == 0 ? __builtin_nan("") : a[i].mean;
    store<T>(out + i * out_stride, value);
  }
}

template <class... T>
constexpr void moment_row(Reduction (&row)[kDTypeCount], Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = {init_moments, moment_rows<T>, moment_columns<T>, merge_moments,
                                          finish_moments<T>, static_cast<int32_t>(sizeof(Moment)),
                                          static_cast<int32_t>(kMomentColumns), false, 0, 31}),
   ...);
}

constexpr ReduceTable<Moments> make_table() {
  ReduceTable<Moments> t{};
  moment_row(t.reductions[static_cast<int>(Moments::Two)], Floats{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ReduceTable<Moments> moments_table = make_table();
}

}  // namespace plait::cpu
