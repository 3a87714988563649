// Sums are taken in vectors over blocks that stay in the first-level cache, and in double across blocks. A
// block is read twice: for its mean, and for the deviations from it.
#include "ops/cpu/channel_norm.h"

#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

constexpr int64_t kBlockBytes = 16 << 10;

template <class T>
void moments(const T* x, int64_t n, ChannelMoments* into) {
  constexpr int64_t kBlock = kBlockBytes / sizeof(T);
  for (int64_t begin = 0; begin < n; begin += kBlock, x += kBlock) {
    const int64_t m = n - begin < kBlock ? n - begin : kBlock;
    ChainedSum<T> sum, deviations, products;
    over_values<T>(
        m, [&](auto at) __attribute__((always_inline)) { at.add(sum, at.load(x)); });
    const double count = static_cast<double>(m);
    const T center = static_cast<T>(static_cast<double>(sum.total()) / count);
    over_values<T>(
        m, [&](auto at) __attribute__((always_inline)) {
          const auto d = at.load(x) - center;
          at.add(deviations, d);
          at.add(products, d * d);
        });
    // What rounding left in the center.
    const double rest = static_cast<double>(deviations.total());
    const double squares = static_cast<double>(products.total()) - rest * rest / count;
    merge_moments(*into, {count, static_cast<double>(center) + rest / count, squares < 0 ? 0 : squares});
  }
}

template <class T>
void apply(const T* x, int64_t n, T mean, T scale, T shift, T* y) {
  over_values<T>(
      n, [&](auto at) __attribute__((always_inline)) { at.store(y, (at.load(x) - mean) * scale + shift); });
}

template <class T>
void grad_sums(const T* g, const T* x, int64_t n, T mean, double* total) {
  constexpr int64_t kBlock = kBlockBytes / sizeof(T);
  for (int64_t begin = 0; begin < n; begin += kBlock, g += kBlock, x += kBlock) {
    ChainedSum<T> sum, dot;
    over_values<T>(
        n - begin < kBlock ? n - begin : kBlock, [&](auto at) __attribute__((always_inline)) {
          const auto v = at.load(g);
          at.add(sum, v);
          at.add(dot, v * (at.load(x) - mean));
        });
    total[0] += static_cast<double>(sum.total());
    total[1] += static_cast<double>(dot.total());
  }
}

template <class T>
void grad_apply(const T* g, const T* x, int64_t n, T mean, T scale, T slope, T shift, T* dx) {
  over_values<T>(
      n, [&](auto at) __attribute__((always_inline)) {
        at.store(dx, at.load(g) * scale - (at.load(x) - mean) * slope - shift);
      });
}

// Rows whose elements fill a block.
template <class T>
PLAIT_INLINE int64_t rows_of_block(int64_t channels) {
  const int64_t rows = kBlockBytes / static_cast<int64_t>(sizeof(T)) / channels;
  return rows < 8 ? 8 : rows > 256 ? 256 : rows;
}

// Some channels: several vectors, so that sums over rows are chains enough, or a single element.
template <class T>
struct Vectors {
  static constexpr int kCount = kUnroll, kEach = kLanes<T>;
  using Value = Vec<T>;
  static PLAIT_INLINE Value load(const T* from, int k) { return load_vector(from + k * kEach); }
  static PLAIT_INLINE void store(T* to, int k, Value v) { store_vector(to + k * kEach, v); }
  static PLAIT_INLINE T lane(Value v, int i) { return v[i]; }
};
template <class T>
struct OneVector : Vectors<T> {
  static constexpr int kCount = 1;
};
template <class T>
struct OneElement {
  static constexpr int kCount = 1, kEach = 1;
  using Value = T;
  static PLAIT_INLINE Value load(const T* from, int) { return *from; }
  static PLAIT_INLINE void store(T* to, int, Value v) { *to = v; }
  static PLAIT_INLINE T lane(Value v, int) { return v; }
};
template <class T, class F>
PLAIT_INLINE void over_channels(int64_t channels, const F& f) {
  constexpr int kWidth = kLanes<T>;
  int64_t c = 0;
  for (; c + kUnroll * kWidth <= channels; c += kUnroll * kWidth) f.template operator()<Vectors<T>>(c);
  for (; c + kWidth <= channels; c += kWidth) f.template operator()<OneVector<T>>(c);
  for (; c < channels; ++c) f.template operator()<OneElement<T>>(c);
}
// Calls f(first row, rows) for blocks.
template <class T, class F>
PLAIT_INLINE void over_blocks(int64_t rows, int64_t channels, const F& f) {
  const int64_t step = rows_of_block<T>(channels);
  for (int64_t begin = 0; begin < rows; begin += step) f(begin, rows - begin < step ? rows - begin : step);
}

template <class T>
void moments_of_rows(const T* x, int64_t rows, int64_t channels, double count, double* means,
                     double* squares) {
  over_blocks<T>(
      rows, channels, [&](int64_t begin, int64_t m) __attribute__((always_inline)) {
        const T* block = x + begin * channels;
        const double added = static_cast<double>(m), total = count + added;
        const double part = added / total, both = count * part;
        const T inverse = T(1) / static_cast<T>(m);
        over_channels<T>(
            channels, [&]<class L>(int64_t c) __attribute__((always_inline)) {
              typename L::Value center[L::kCount] = {}, rest[L::kCount] = {}, products[L::kCount] = {};
              for (int64_t r = 0; r < m; ++r)
#pragma GCC unroll 4
                for (int k = 0; k < L::kCount; ++k) center[k] += L::load(block + r * channels + c, k);
#pragma GCC unroll 4
              for (int k = 0; k < L::kCount; ++k) center[k] = center[k] * inverse;
              for (int64_t r = 0; r < m; ++r)
#pragma GCC unroll 4
                for (int k = 0; k < L::kCount; ++k) {
                  const auto d = L::load(block + r * channels + c, k) - center[k];
                  rest[k] += d;
                  products[k] += d * d;
                }
#pragma GCC unroll 4
              for (int k = 0; k < L::kCount; ++k)
                for (int i = 0; i < L::kEach; ++i) {
                  const int64_t at = c + k * L::kEach + i;
                  const double left = static_cast<double>(L::lane(rest[k], i)) / added;
                  const double own = static_cast<double>(L::lane(products[k], i)) - left * left * added;
                  const double mean = static_cast<double>(L::lane(center[k], i)) + left;
                  const double delta = mean - means[at];
                  means[at] += delta * part;
                  squares[at] += (own < 0 ? 0 : own) + delta * delta * both;
                }
            });
        count = total;
      });
}

template <class T>
void apply_to_rows(const T* x, int64_t rows, int64_t channels, const T* mean, const T* scale, const T* shift,
                   T* y) {
  over_blocks<T>(
      rows, channels, [&](int64_t begin, int64_t m) __attribute__((always_inline)) {
        over_channels<T>(
            channels, [&]<class L>(int64_t c) __attribute__((always_inline)) {
              typename L::Value center[L::kCount], a[L::kCount], b[L::kCount];
#pragma GCC unroll 4
              for (int k = 0; k < L::kCount; ++k) {
                center[k] = L::load(mean + c, k);
                a[k] = L::load(scale + c, k);
                b[k] = L::load(shift + c, k);
              }
              for (int64_t at = begin * channels + c; at < (begin + m) * channels; at += channels)
#pragma GCC unroll 4
                for (int k = 0; k < L::kCount; ++k)
                  L::store(y + at, k, (L::load(x + at, k) - center[k]) * a[k] + b[k]);
            });
      });
}

template <class T>
void grad_sums_of_rows(const T* g, const T* x, int64_t rows, int64_t channels, const T* mean, double* sums,
                       double* dots) {
  over_blocks<T>(
      rows, channels, [&](int64_t begin, int64_t m) __attribute__((always_inline)) {
        over_channels<T>(
            channels, [&]<class L>(int64_t c) __attribute__((always_inline)) {
              typename L::Value center[L::kCount], sum[L::kCount] = {}, dot[L::kCount] = {};
#pragma GCC unroll 4
              for (int k = 0; k < L::kCount; ++k) center[k] = L::load(mean + c, k);
              for (int64_t at = begin * channels + c; at < (begin + m) * channels; at += channels)
#pragma GCC unroll 4
                for (int k = 0; k < L::kCount; ++k) {
                  const auto v = L::load(g + at, k);
                  sum[k] += v;
                  dot[k] += v * (L::load(x + at, k) - center[k]);
                }
#pragma GCC unroll 4
              for (int k = 0; k < L::kCount; ++k)
                for (int i = 0; i < L::kEach; ++i) {
                  sums[c + k * L::kEach + i] += static_cast<double>(L::lane(sum[k], i));
                  dots[c + k * L::kEach + i] += static_cast<double>(L::lane(dot[k], i));
                }
            });
      });
}

template <class T>
void grad_apply_to_rows(const T* g, const T* x, int64_t rows, int64_t channels, const T* mean, const T* scale,
                        const T* slope, const T* shift, T* dx) {
  for (int64_t r = 0; r < rows; ++r, g += channels, x += channels, dx += channels)
    over_channels<T>(
        channels, [&]<class L>(int64_t c) __attribute__((always_inline)) {
#pragma GCC unroll 4
          for (int k = 0; k < L::kCount; ++k)
            L::store(dx + c, k,
                     L::load(g + c, k) * L::load(scale + c, k) -
                         (L::load(x + c, k) - L::load(mean + c, k)) * L::load(slope + c, k) -
                         L::load(shift + c, k));
        });
}

template <class T>
constexpr ChannelNorm<T> kKernels = {
    moments<T>,         apply<T>,         grad_sums<T>,         grad_apply<T>,
    moments_of_rows<T>, apply_to_rows<T>, grad_sums_of_rows<T>, grad_apply_to_rows<T>};

}  // namespace

namespace PLAIT_ISA {
extern constinit const ChannelNormTable channel_norm_table = {kKernels<float>, kKernels<double>};
}

}  // namespace plait::cpu
