#include "ops/cpu/layer_norm.h"

#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

PLAIT_INLINE float root(float v) { return __builtin_sqrtf(v); }
PLAIT_INLINE double root(double v) { return __builtin_sqrt(v); }

// Long rows are summed by pieces, whose sums are added in float64: the error does not grow with the row.
constexpr int64_t kPiece = 8192;
template <class F>
PLAIT_INLINE void over_pieces(int64_t n, const F& piece) {
  for (int64_t first = 0; first < n; first += kPiece) piece(first, n - first < kPiece ? n - first : kPiece);
}

template <bool Weight, bool Bias, class T>
PLAIT_INLINE void normalise(const T* x, const T* w, const T* b, int64_t n, T mean, T scale, T* y) {
  over_values<T>(
      n, [&](auto at) __attribute__((always_inline)) {
        auto v = (at.load(x) - mean) * scale;
        if constexpr (Weight) v = v * at.load(w);
        if constexpr (Bias) v = v + at.load(b);
        at.store(y, v);
      });
}

template <class T>
void forward(const T* x, const T* w, const T* b, int64_t rows, int64_t n, double eps, bool center, T* y,
             T* mean, T* rstd) {
  const double inverse = 1.0 / static_cast<double>(n);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    T m = 0;
    if (center) {
      double total = 0;
      over_pieces(
          n, [&](int64_t first, int64_t count) __attribute__((always_inline)) {
            ChainedSum<T> sum;
            over_values<T>(
                count, [&](auto at) __attribute__((always_inline)) { at.add(sum, at.load(x + first)); });
            total += sum.total();
          });
      m = static_cast<T>(total * inverse);
    }
    double squares = 0;
    over_pieces(
        n, [&](int64_t first, int64_t count) __attribute__((always_inline)) {
          ChainedSum<T> sum;
          over_values<T>(
              count, [&](auto at) __attribute__((always_inline)) {
                const auto d = at.load(x + first) - m;
                at.add(sum, d * d);
              });
          squares += sum.total();
        });
    const T s = T(1) / root(static_cast<T>(squares * inverse + eps));
    mean[r] = m;
    rstd[r] = s;
    if (w)
      b ? normalise<true, true>(x, w, b, n, m, s, y) : normalise<true, false>(x, w, b, n, m, s, y);
    else
      b ? normalise<false, true>(x, w, b, n, m, s, y) : normalise<false, false>(x, w, b, n, m, s, y);
  }
}

// With h = (x - mean) rstd and u = g w: dx = rstd (u - mean(u) - h mean(u h)), dw = sum g h, db = sum g.
template <bool Weight, bool Dx, bool Add, bool Sums, class T>
void backward_rows(const T* g, const T* x, const T* w, const T* mean, const T* rstd, const T* before,
                   int64_t rows, int64_t n, bool center, T* dx, T* dw, T* db) {
  const double inverse = 1.0 / static_cast<double>(n);
  for (int64_t r = 0; r < rows; ++r, g += n, x += n) {
    const T m = mean[r], s = rstd[r];
    T shift = 0, slope = 0;
    if constexpr (Dx) {
      double sum = 0, dot = 0;
      over_pieces(
          n, [&](int64_t first, int64_t count) __attribute__((always_inline)) {
            ChainedSum<T> sum_here, dot_here;
            over_values<T>(
                count, [&](auto at) __attribute__((always_inline)) {
                  auto u = at.load(g + first);
                  if constexpr (Weight) u = u * at.load(w + first);
                  at.add(sum_here, u);
                  at.add(dot_here, u * (at.load(x + first) - m));
                });
            sum += sum_here.total();
            dot += dot_here.total();
          });
      shift = center ? static_cast<T>(sum * inverse) : T(0);
      slope = static_cast<T>(dot * inverse) * s * s;
    }
    over_values<T>(
        n, [&](auto at) __attribute__((always_inline)) {
          const auto upper = at.load(g), d = at.load(x) - m;
          if constexpr (Sums) {
            at.store(dw, at.load(dw) + upper * (d * s));
            at.store(db, at.load(db) + upper);
          }
          if constexpr (Dx) {
            auto u = upper;
            if constexpr (Weight) u = u * at.load(w);
            auto v = (u - shift - d * slope) * s;
            if constexpr (Add) v = v + at.load(before);
            at.store(dx, v);
          }
        });
    if constexpr (Dx) dx += n;
    if constexpr (Add) before += n;
  }
}

template <class T>
void backward(const T* g, const T* x, const T* w, const T* mean, const T* rstd, const T* sum, int64_t rows,
              int64_t n, bool center, T* dx, T* dw, T* db) {
  const auto run = [&]<bool Weight, bool Dx, bool Add, bool Sums>() __attribute__((always_inline)) {
    backward_rows<Weight, Dx, Add, Sums>(g, x, w, mean, rstd, sum, rows, n, center, dx, dw, db);
  };
  const auto run_dx = [&]<bool Weight, bool Add>() __attribute__((always_inline)) {
    dw ? run.template operator()<Weight, true, Add, true>()
       : run.template operator()<Weight, true, Add, false>();
  };
  if (!dx) {
    if (dw) run.template operator()<false, false, false, true>();
  } else if (w) {
    sum ? run_dx.template operator()<true, true>() : run_dx.template operator()<true, false>();
  } else {
    sum ? run_dx.template operator()<false, true>() : run_dx.template operator()<false, false>();
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LayerNormTable layer_norm_table = {{forward<float>, backward<float>},
                                                          {forward<double>, backward<double>}};
}

}  // namespace plait::cpu
