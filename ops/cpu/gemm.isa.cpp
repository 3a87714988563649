// The loops around the tiles follow K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008).
#include "ops/cpu/gemm.h"

#include "ops/cpu/gemm_tile.h"
#include "ops/cpu/tile_transpose.h"

namespace plait::cpu {
namespace {

// Blocks: a panel of b (kBlockK x tile columns) stays in the first-level cache, a block of a (kBlockM x
// kBlockK) in the second, a block of b in the last.
constexpr int64_t kBlockK = 256;
constexpr int64_t kBlockM = 72;
constexpr int64_t kBlockBytesB = 1 << 20;

// Integers wrap around; so do sums of their unsigned kind, without undefined behaviour.
template <class T>
struct Element {
  using type = T;
};
template <class T>
requires std::is_integral_v<T>
struct Element<T> {
  using type = std::make_unsigned_t<T>;
};

template <class T>
constexpr int kRows = std::is_floating_point_v<T> ? kTileRows : 2;
template <class T>
constexpr int kVectors = std::is_floating_point_v<T> ? kTileVectors : 1;
template <class T>
constexpr int64_t kColumns = kVectors<T>* kLanes<T>;
template <class T>
constexpr int64_t kBlockN = kBlockBytesB /
                            (kBlockK * static_cast<int64_t>(sizeof(T))) / kColumns<T>* kColumns<T>;

constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t round_up(int64_t a, int64_t to) { return (a + to - 1) / to * to; }

// What becomes of a tile's sums.
template <class T>
struct Store {
  T* c;
  int64_t row, column;
  const T* bias;
  T alpha, beta;
  bool scales, reads, beta_is_one;

  PLAIT_INLINE T combine(T sum, T old, T bias_value) const {
    if (scales) sum = static_cast<T>(alpha * sum);
    if (reads) sum = static_cast<T>(sum + (beta_is_one ? old : static_cast<T>(beta * old)));
    return static_cast<T>(sum + bias_value);
  }
};

// Writes a tile of sums, `width` apart, into c.
template <class T>
__attribute__((noinline)) void write_tile(const T* sums, int64_t width, int64_t rows, int64_t columns,
                                          const Store<T>& s, T* c, const T* bias) {
  for (int64_t r = 0; r < rows; ++r, sums += width, c += s.row) {
    if (s.column == 1 && !s.scales && !bias && columns % kLanes<T> == 0 && (!s.reads || s.beta_is_one)) {
      for (int64_t j = 0; j < columns; j += kLanes<T>) {
        const Vec<T> x = load_vector(sums + j);
        store_vector(c + j, s.reads ? x + load_vector(c + j) : x);
      }
    } else {
      for (int64_t j = 0; j < columns; ++j) {
        T& x = c[j * s.column];
        x = s.combine(sums[j], s.reads ? x : T(0), bias ? bias[j] : T(0));
      }
    }
  }
}

// One column of tiles: all rows of a times one panel of b. The sums start at zero: c gets them at the end.
template <int Vectors, class T>
__attribute__((noinline)) void tile_column(int64_t m, int64_t k, const T* a, int64_t a_row, int64_t a_column,
                                           int64_t a_tile, const T* b, int64_t b_row, const Store<T>& s, T* c,
                                           const T* bias, int64_t columns) {
  constexpr int kWidth = Vectors * kLanes<T>;
  const bool whole = columns == kWidth && s.column == 1 && !s.scales && !bias && (!s.reads || s.beta_is_one);
  alignas(64) T values[kRows<T> * kWidth];
  for (int64_t i = 0; i < m; i += kRows<T>) {
    const int64_t rows = least(kRows<T>, m - i);
    with_rows<kRows<T>>(rows, [&]<int Rows>() {
      Vec<T> sums[Rows][Vectors] = {};
      if (whole && s.reads)
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v) __builtin_prefetch(c + (i + r) * s.row + v * kLanes<T>, 1);
      if (a_row == 1 && a_column == kRows<T>)  // packed: addresses are known but for one register
        accumulate<Rows, Vectors>(sums, k, a + i / kRows<T> * a_tile, std::integral_constant<int64_t, 1>{},
                                  std::integral_constant<int64_t, kRows<T>>{}, b, b_row);
      else
        accumulate<Rows, Vectors>(sums, k, a + i / kRows<T> * a_tile, a_row, a_column, b, b_row);
      if (whole) {
        T* to = c + i * s.row;
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r, to += s.row)
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v)
            store_vector(to + v * kLanes<T>,
                         s.reads ? sums[r][v] + load_vector(to + v * kLanes<T>) : sums[r][v]);
        return;
      }
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) store_vector(values + r * kWidth + v * kLanes<T>, sums[r][v]);
    });
    if (!whole) write_tile(values, kWidth, rows, columns, s, c + i * s.row, bias);
  }
}

// A panel of b, padded with zeros to whole vectors.
template <class T>
void pack_panel(T* to, const T* b, int64_t b_row, int64_t b_column, int64_t k, int64_t columns,
                int64_t width) {
  if (b_column == 1 && columns == width) {
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < width; j += kLanes<T>)
        store_vector(to + l * width + j, load_vector(b + l * b_row + j));
  } else if (b_row == 1) {
    constexpr int64_t kStep = 8;  // as many lines of b as are read side by side
    for (int64_t j0 = 0; j0 < columns; j0 += kStep) {
      const int64_t j1 = least(columns, j0 + kStep);
      for (int64_t l = 0; l < k; ++l)
        for (int64_t j = j0; j < j1; ++j) to[l * width + j] = b[l + j * b_column];
    }
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = columns; j < width; ++j) to[l * width + j] = T(0);
  } else {
    for (int64_t l = 0; l < k; ++l) {
      for (int64_t j = 0; j < columns; ++j) to[l * width + j] = b[l * b_row + j * b_column];
      for (int64_t j = columns; j < width; ++j) to[l * width + j] = T(0);
    }
  }
}

// Tiles of a, each k x rows.
template <class T>
void pack_rows(T* to, const T* a, int64_t a_row, int64_t a_column, int64_t m, int64_t k) {
  for (int64_t i = 0; i < m; i += kRows<T>) {
    const int64_t rows = least(kRows<T>, m - i);
    const T* from = a + i * a_row;
    T* tile = to + i * k;
    if constexpr (std::is_floating_point_v<T>) {
      if (a_column == 1) {
        transpose_tile<Beyond::Nothing>(from, a_row, rows, k, tile, int64_t{kRows<T>});
        continue;
      }
    }
    for (int64_t l = 0; l < k; ++l)
      for (int64_t r = 0; r < rows; ++r) tile[l * kRows<T> + r] = from[r * a_row + l * a_column];
  }
}

// The last, narrow panel needs fewer vectors.
template <class T>
int64_t panel_width(int64_t columns) {
  return kVectors<T> > 1 && columns <= kLanes<T> ? kLanes<T> : kColumns<T>;
}

// Below so many panels of b, a is read where it is.
constexpr int64_t kPanelsWorthPacking = 4;

template <class T>
void tiles(const Gemm& g, void* workspace) {
  using E = typename Element<T>::type;
  const E *a = static_cast<const E*>(g.a), *b = static_cast<const E*>(g.b),
          *bias = static_cast<const E*>(g.bias);
  E alpha, beta;
  __builtin_memcpy(&alpha, g.alpha, sizeof(E));
  __builtin_memcpy(&beta, g.beta, sizeof(E));
  E* const packed_b = static_cast<E*>(workspace);
  E* const packed_a = packed_b + round_up(least(g.n, kBlockN<E>), kColumns<E>) * least(g.k, kBlockK);
  const bool packs_a =
      g.n > kPanelsWorthPacking * kColumns<E> && (g.a_column != 1 || g.k >= 64) && g.m > kRows<E>;
  // Where b is used by few rows only, a copy of it costs more than it saves.
  const bool packs_b = g.b_column != 1 || g.m > 2 * kRows<E>;
  // Blocks of one size: a short last one would write all of c again for little.
  const int64_t blocks = (g.k + kBlockK - 1) / kBlockK, depth = blocks > 0 ? (g.k + blocks - 1) / blocks : 1;
  int64_t k0 = 0;
  do {
    const int64_t k = least(depth, g.k - k0);
    const bool first = k0 == 0;
    const Store<E> store{static_cast<E*>(g.c),
                         g.c_row,
                         g.c_column,
                         nullptr,
                         alpha,
                         first ? beta : E(1),
                         !g.alpha_is_one,
                         first ? !g.beta_is_zero : true,
                         first ? g.beta_is_one : true};
    for (int64_t j0 = 0; j0 < g.n; j0 += kBlockN<E>) {
      const int64_t n = least(kBlockN<E>, g.n - j0);
      if (packs_b) {
        E* to = packed_b;
        for (int64_t j = 0; j < n; j += kColumns<E>) {
          const int64_t columns = least(kColumns<E>, n - j), width = panel_width<E>(columns);
          pack_panel(to, b + k0 * g.b_row + (j0 + j) * g.b_column, g.b_row, g.b_column, k, columns, width);
          to += k * width;
        }
      }
      for (int64_t i0 = 0; i0 < g.m; i0 += kBlockM) {
        const int64_t m = least(kBlockM, g.m - i0);
        const E* block_a = a + i0 * g.a_row + k0 * g.a_column;
        if (packs_a) pack_rows(packed_a, block_a, g.a_row, g.a_column, m, k);
        const E* from = packs_a ? packed_a : block_a;
        const int64_t a_row = packs_a ? 1 : g.a_row, a_column = packs_a ? kRows<E> : g.a_column;
        const int64_t a_tile = packs_a ? kRows<E> * k : kRows<E> * g.a_row;
        const E* panel = packed_b;
        for (int64_t j = 0; j < n; j += kColumns<E>) {
          const int64_t columns = least(kColumns<E>, n - j), width = panel_width<E>(columns);
          int64_t b_row = width;
          if (!packs_b) {
            panel = b + k0 * g.b_row + j0 + j;
            b_row = g.b_row;
            if (columns < width) {  // reading whole vectors would pass its end
              pack_panel(packed_b, panel, g.b_row, g.b_column, k, columns, width);
              panel = packed_b;
              b_row = width;
            }
          }
          E* c = store.c + i0 * g.c_row + (j0 + j) * g.c_column;
          const E* panel_bias = first && bias ? bias + j0 + j : nullptr;
          if (width == kColumns<E>)
            tile_column<kVectors<E>>(m, k, from, a_row, a_column, a_tile, panel, b_row, store, c, panel_bias,
                                     columns);
          else
            tile_column<1>(m, k, from, a_row, a_column, a_tile, panel, b_row, store, c, panel_bias, columns);
          panel += k * width;
        }
      }
    }
    k0 += depth;
  } while (k0 < g.k);
}

template <class T>
int64_t tiles_workspace(int64_t m, int64_t n, int64_t k) {
  using E = typename Element<T>::type;
  const int64_t depth = least(k, kBlockK);
  return static_cast<int64_t>(sizeof(E)) * (round_up(least(n, kBlockN<E>), kColumns<E>) * depth +
                                            round_up(least(m, kBlockM), kRows<E>) * depth + kColumns<E>);
}

// ---- few rows

// c tile of Rows x Columns dot products of contiguous vectors. A few of them are summed in several chains, so
// that one addition need not wait for the other.
template <int Rows, int Columns, class T>
PLAIT_INLINE void dot_piece(const T* a, int64_t a_row, const T* b, int64_t b_column, int64_t k,
                            T (&result)[Rows][Columns]) {
  constexpr int kTile = Rows * Columns, kChains = kTile == 1 ? 4 : kTile < 4 ? 2 : 1;
  constexpr int64_t kStep = kChains * kLanes<T>;
  Vec<T> sums[kChains][Rows][Columns] = {};
  const auto add = [&](int64_t l, int chain, const auto& load) __attribute__((always_inline)) {
    Vec<T> x[Rows];
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r) x[r] = load(a + r * a_row + l);
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      const Vec<T> y = load(b + j * b_column + l);
#pragma GCC unroll 4
      for (int r = 0; r < Rows; ++r) sums[chain][r][j] += x[r] * y;
    }
  };
  int64_t l = 0;
  for (; l + kStep <= k; l += kStep)
#pragma GCC unroll 4
    for (int chain = 0; chain < kChains; ++chain) add(l + chain * kLanes<T>, chain, load_vector<T>);
  for (; kChains > 1 && l + kLanes<T> <= k; l += kLanes<T>) add(l, 0, load_vector<T>);
  if (l < k) {  // the last vector begins with numbers that are summed already
    alignas(64) T places[kLanes<T>];
    for (int i = 0; i < kLanes<T>; ++i) places[i] = static_cast<T>(i);
    const auto is_new = load_vector(places) >= splat(static_cast<T>(kLanes<T> - (k - l)));
    add(
        k - kLanes<T>, 0, [&](const T* from) __attribute__((always_inline)) {
          return is_new ? load_vector(from) : Vec<T>{};
        });
  }
#pragma GCC unroll 4
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      Vec<T> sum = sums[0][r][j];
#pragma GCC unroll 4
      for (int chain = 1; chain < kChains; ++chain) sum += sums[chain][r][j];
      result[r][j] = sum_lanes<T>(sum);
    }
}

// The sums of pieces of long vectors are added in float64: the error does not grow with the length.
template <int Rows, int Columns, class T>
PLAIT_INLINE void dot_tile(const T* a, int64_t a_row, const T* b, int64_t b_column, int64_t k,
                           T (&result)[Rows][Columns]) {
  constexpr int64_t kPiece = 8192;
  double totals[Rows][Columns] = {};
  for (int64_t first = 0; first == 0 || first < k; first += kPiece) {
    dot_piece(a + first, a_row, b + first, b_column, least(kPiece, k - first), result);
    if (k <= kPiece) return;
    for (int r = 0; r < Rows; ++r)
      for (int j = 0; j < Columns; ++j) totals[r][j] += result[r][j];
  }
  for (int r = 0; r < Rows; ++r)
    for (int j = 0; j < Columns; ++j) result[r][j] = static_cast<T>(totals[r][j]);
}

template <class T>
void dots(const Gemm& g, void*) {
  constexpr int kDotRows = 3, kDotColumns = 4;
  const T *a = static_cast<const T*>(g.a), *b = static_cast<const T*>(g.b),
          *bias = static_cast<const T*>(g.bias);
  T* c = static_cast<T*>(g.c);
  T alpha, beta;
  __builtin_memcpy(&alpha, g.alpha, sizeof(T));
  __builtin_memcpy(&beta, g.beta, sizeof(T));
  const Store<T> s{c,    g.c_row,         g.c_column,      bias,         alpha,
                   beta, !g.alpha_is_one, !g.beta_is_zero, g.beta_is_one};
  for (int64_t j0 = 0; j0 < g.n; j0 += kDotColumns) {
    with_rows<kDotColumns>(g.n - j0, [&]<int Columns>() {
      for (int64_t i0 = 0; i0 < g.m; i0 += kDotRows) {
        with_rows<kDotRows>(g.m - i0, [&]<int Rows>() {
          T result[Rows][Columns];
          dot_tile<Rows, Columns>(a + i0 * g.a_row, g.a_row, b + j0 * g.b_column, g.b_column, g.k, result);
          for (int r = 0; r < Rows; ++r)
            for (int j = 0; j < Columns; ++j) {
              T& x = c[(i0 + r) * g.c_row + (j0 + j) * g.c_column];
              x = s.combine(result[r][j], s.reads ? x : T(0), bias ? bias[j0 + j] : T(0));
            }
        });
      }
    });
  }
}

// Vectors of sums in registers, and rows of them: fewer rows and more vectors than tiles of packed blocks
// have, so that more of a row of b is read at once.
constexpr int kSumVectors = PLAIT_ISA_LEVEL == 4 ? 4 : 2;
constexpr int kSumRows = 6;

// c's `columns` first columns += alpha a b, for so many vectors of columns of b. A function of its own, which
// the compiler keeps in registers.
template <int Vectors, class T>
__attribute__((noinline)) void add_products(const Gemm& g, T alpha, const T* a, const T* b, int64_t b_row,
                                            int64_t k, T* c, int64_t columns) {
  for (int64_t i = 0; i < g.m;) {
    const int64_t left = g.m - i;
    const int64_t rows = left > kSumRows && left < 2 * kSumRows ? (left + 1) / 2 : least(left, kSumRows);
    with_rows<kSumRows>(rows, [&]<int Rows>() {
      Vec<T> sums[Rows][Vectors] = {};
      accumulate<Rows, Vectors>(sums, k, a + i * g.a_row, g.a_row, g.a_column, b, b_row);
      T* to = c + i * g.c_row;
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r, to += g.c_row)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          const int64_t at = v * kLanes<T>;
          if (at + kLanes<T> <= columns) {
            store_vector(to + at, load_vector(to + at) + alpha * sums[r][v]);
          } else {
            T values[kLanes<T>];
            store_vector(values, sums[r][v]);
            for (int64_t j = at; j < columns; ++j) to[j] += alpha * values[j - at];
          }
        }
    });
    i += rows;
  }
}

template <class T>
void rows(const Gemm& g, void*) {
  constexpr int64_t kStep = 64;       // rows of b at a time
  constexpr int64_t kStretch = 1024;  // columns at a time, or half as many more: sums stay in a near cache
  constexpr int64_t kWidth = kSumVectors * kLanes<T>;
  const T *a = static_cast<const T*>(g.a), *b = static_cast<const T*>(g.b),
          *bias = static_cast<const T*>(g.bias);
  T* c = static_cast<T*>(g.c);
  T alpha, beta;
  __builtin_memcpy(&alpha, g.alpha, sizeof(T));
  __builtin_memcpy(&beta, g.beta, sizeof(T));
  for (int64_t j0 = 0, n; j0 < g.n; j0 += n) {
    n = g.n - j0 < kStretch * 3 / 2 ? g.n - j0 : kStretch;
    for (int64_t i = 0; i < g.m; ++i) {
      T* to = c + i * g.c_row + j0;
      for (int64_t j = 0; j < n; ++j) {
        const T start = g.beta_is_zero ? T(0) : beta * to[j];
        to[j] = bias ? start + bias[j0 + j] : start;
      }
    }
    for (int64_t l = 0; l < g.k; l += kStep) {
      const int64_t k = least(kStep, g.k - l);
      const T *x = a + l * g.a_column, *from = b + l * g.b_row + j0;
      int64_t j = 0;
      for (; j + kWidth <= n; j += kWidth)
        add_products<kSumVectors>(g, alpha, x, from + j, g.b_row, k, c + j0 + j, kWidth);
      if (j == n) continue;
      alignas(64) T panel[kStep * kWidth];
      const T* rest = from + j;
      int64_t rest_row = g.b_row;
      const int64_t width = round_up(n - j, kLanes<T>);
      if (n - j < width) {  // reading whole vectors would pass the end
        pack_panel(panel, rest, g.b_row, int64_t{1}, k, n - j, width);
        rest = panel, rest_row = width;
      }
      with_rows<kSumVectors>(width / kLanes<T>, [&]<int Vectors>() {
        add_products<Vectors>(g, alpha, x, rest, rest_row, k, c + j0 + j, n - j);
      });
    }
  }
}

// ---- complex numbers

// Tiles as above, with real and imaginary parts in vectors of their own; b is packed so, with zeros to whole
// vectors.
template <class R>
void complex_tiles(const Gemm& g, void* workspace) {
  constexpr int64_t kWidth = kLanes<R>;
  constexpr int kComplexRows = 4;
  const R *a = static_cast<const R*>(g.a), *b = static_cast<const R*>(g.b),
          *bias = static_cast<const R*>(g.bias);
  R* const panel = static_cast<R*>(workspace);
  R alpha[2], beta[2];
  __builtin_memcpy(alpha, g.alpha, sizeof(alpha));
  __builtin_memcpy(beta, g.beta, sizeof(beta));
  for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += kBlockK) {
    const int64_t k = least(kBlockK, g.k - k0);
    const bool first = k0 == 0, reads = !first || !g.beta_is_zero, scales_old = first && !g.beta_is_one;
    for (int64_t j0 = 0; j0 < g.n; j0 += kWidth) {
      const int64_t n = least(kWidth, g.n - j0);
      for (int64_t l = 0; l < k; ++l)
        for (int64_t j = 0; j < kWidth; ++j)
          for (int part = 0; part < 2; ++part)
            panel[(2 * l + part) * kWidth + j] =
                j < n ? b[2 * ((k0 + l) * g.b_row + (j0 + j) * g.b_column) + part] : R(0);
      for (int64_t i0 = 0; i0 < g.m; i0 += kComplexRows) {
        with_rows<kComplexRows>(g.m - i0, [&]<int Rows>() {
          Vec<R> real[Rows] = {}, imag[Rows] = {};
          const R* from = a + 2 * (i0 * g.a_row + k0 * g.a_column);
          for (int64_t l = 0; l < k; ++l) {
            const Vec<R> x = load_vector(panel + 2 * l * kWidth),
                         y = load_vector(panel + (2 * l + 1) * kWidth);
#pragma GCC unroll 4
            for (int r = 0; r < Rows; ++r) {
              const R* value = from + 2 * (r * g.a_row + l * g.a_column);
              real[r] += value[0] * x - value[1] * y;
              imag[r] += value[0] * y + value[1] * x;
            }
          }
          for (int r = 0; r < Rows; ++r) {
            R re[kWidth], im[kWidth];
            store_vector(re, real[r]);
            store_vector(im, imag[r]);
            for (int64_t j = 0; j < n; ++j) {
              R* to = static_cast<R*>(g.c) + 2 * ((i0 + r) * g.c_row + (j0 + j) * g.c_column);
              R x = alpha[0] * re[j] - alpha[1] * im[j], y = alpha[0] * im[j] + alpha[1] * re[j];
              if (g.alpha_is_one) x = re[j], y = im[j];  // so that infinities stay what they are
              if (reads) {
                x += scales_old ? beta[0] * to[0] - beta[1] * to[1] : to[0];
                y += scales_old ? beta[0] * to[1] + beta[1] * to[0] : to[1];
              }
              if (first && bias) x += bias[2 * (j0 + j)], y += bias[2 * (j0 + j) + 1];
              to[0] = x, to[1] = y;
            }
          }
        });
      }
    }
  }
}

template <class R>
int64_t complex_workspace(int64_t, int64_t, int64_t k) {
  return static_cast<int64_t>(sizeof(R)) * 2 * kLanes<R> * least(k, kBlockK);
}

template <class... T>
constexpr void set_tiles(GemmTable& t) {
  ((t.run[0][static_cast<int>(dtype_of<T>)] = &tiles<typename Element<T>::type>), ...);
  ((t.workspace[static_cast<int>(dtype_of<T>)] = &tiles_workspace<typename Element<T>::type>), ...);
}

constexpr GemmTable make_table() {
  GemmTable t{};
  set_tiles<uint8_t, int8_t, int16_t, int32_t, int64_t, float, double>(t);
  t.run[1][static_cast<int>(DType::Float32)] = &dots<float>;
  t.run[1][static_cast<int>(DType::Float64)] = &dots<double>;
  t.run[2][static_cast<int>(DType::Float32)] = &rows<float>;
  t.run[2][static_cast<int>(DType::Float64)] = &rows<double>;
  t.run[0][static_cast<int>(DType::Complex64)] = &complex_tiles<float>;
  t.run[0][static_cast<int>(DType::Complex128)] = &complex_tiles<double>;
  t.workspace[static_cast<int>(DType::Complex64)] = &complex_workspace<float>;
  t.workspace[static_cast<int>(DType::Complex128)] = &complex_workspace<double>;
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const GemmTable gemm_table = make_table();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
