#include "ops/cpu/diagonal_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ops/cpu/gemm_tile.h"
#include "ops/cpu/tile_transpose.h"

namespace plait::cpu {
namespace {

constexpr int64_t kMost = kMostInDiagonalBlock, kMostRows = kMostRowsOfPanel;

// Rows (or columns) of a block, each filled up to whole vectors.
template <class T, int64_t Length = kMost>
struct alignas(64) Rows {
  T at[kMost][Length];

  void clear(int64_t rows, int64_t columns) {
    const int64_t whole = (columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    for (int64_t i = 0; i < rows; ++i) std::memset(at[i], 0, static_cast<size_t>(whole) * sizeof(T));
  }
};

// The rows of U with U^H U = A, from the upper triangle.
template <class T>
int32_t cholesky(const Block& a) {
  const int64_t n = a.columns;
  T* const data = static_cast<T*>(a.data);
  Rows<T> u;
  u.clear(n, n);
  transpose_tile<Beyond::Nothing>(data, a.ld, n, n, u.at[0], kMost);
  int32_t info = 0;
  for (int64_t k = 0; k < n; ++k) {
    T* const own = u.at[k];
    if (!(own[k] > 0)) {
      info = static_cast<int32_t>(k + 1);
      break;
    }
    const T diagonal = std::sqrt(own[k]);
    const int64_t first = k / kLanes<T> * kLanes<T>;
    for (int64_t j = first; j < n; j += kLanes<T>)
      store_vector(own + j, load_vector(own + j) / splat(diagonal));
    own[k] = diagonal;
    for (int64_t i = k + 1; i < n; ++i) {
      const Vec<T> factor = splat(own[i]);
      for (int64_t j = i / kLanes<T> * kLanes<T>; j < n; j += kLanes<T>)
        store_vector(u.at[i] + j, load_vector(u.at[i] + j) - factor * load_vector(own + j));
    }
  }
  Rows<T> columns;
  transpose_tile<Beyond::Nothing>(u.at[0], kMost, n, n, columns.at[0], kMost);
  for (int64_t j = 0; j < n; ++j)
    std::memcpy(data + j * a.ld, columns.at[j], static_cast<size_t>(j + 1) * sizeof(T));
  return info;
}

// Rows are not exchanged until all is done: `order` says which would be where, and `open` (all bits or none)
// which are still to be changed.
template <class T>
int32_t lu(const Block& a, int32_t* pivots) {
  using Bits = decltype(Vec<T>{} < Vec<T>{});
  using Flag = std::remove_reference_t<decltype(Bits{}[0])>;
  const int64_t rows = a.rows, whole = (rows + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  T* const data = static_cast<T*>(a.data);
  Rows<T, kMostRows> columns;
  columns.clear(a.columns, rows);
  for (int64_t j = 0; j < a.columns; ++j)
    std::memcpy(columns.at[j], data + j * a.ld, static_cast<size_t>(rows) * sizeof(T));
  alignas(64) Flag open[kMostRows];
  alignas(64) T factors[kMostRows];
  int32_t order[kMostRows];
  for (int32_t i = 0; i < whole; ++i) {
    open[i] = Flag(-1);
    order[i] = i;
  }
  const auto is_open = [&](int64_t i) {
    Bits bits;
    std::memcpy(&bits, open + i, sizeof bits);
    return bits;
  };
  int32_t info = 0;
  for (int64_t j = 0; j < std::min(rows, a.columns); ++j) {
    T* const own = columns.at[j];
    int64_t pivot = j;
    T largest = std::abs(own[order[j]]);
    for (int64_t i = j + 1; i < rows; ++i) {
      const T size = std::abs(own[order[i]]);
      pivot = size > largest ? i : pivot;
      largest = size > largest ? size : largest;
    }
    pivots[j] = static_cast<int32_t>(pivot + 1);
    std::swap(order[j], order[pivot]);
    const int32_t row = order[j];
    open[row] = 0;
    if (own[row] == T(0)) {
      if (info == 0) info = static_cast<int32_t>(j + 1);
      continue;
    }
    const Vec<T> divisor = splat(own[row]);
    for (int64_t i = 0; i < whole; i += kLanes<T>) {
      const Vec<T> old = load_vector(own + i), factor = is_open(i) ? old / divisor : old;
      store_vector(own + i, factor);
      store_vector(factors + i, factor);
    }
    for (int64_t k = j + 1; k < a.columns; ++k) {
      T* const other = columns.at[k];
      const Vec<T> by = splat(other[row]);
      for (int64_t i = 0; i < whole; i += kLanes<T>) {
        const Vec<T> old = load_vector(other + i);
        store_vector(other + i, is_open(i) ? old - load_vector(factors + i) * by : old);
      }
    }
  }
  for (int64_t j = 0; j < a.columns; ++j)
    for (int64_t i = 0; i < rows; ++i) data[j * a.ld + i] = columns.at[j][order[i]];
  return info;
}

// ---- triangular systems

constexpr int kGroup = 4;  // rows that are solved for together

// A lower triangle row by row, or an upper one from its last row on, filled up to whole groups with what
// leaves zeros alone.
template <class T>
struct Triangular {
  Rows<T> rows;
  T diagonal[kMost], inverse[kMost];
  int64_t n;
  bool unit;
  bool divide = false;  // an inverse is not a normal number

  explicit Triangular(const TriangularSystem& s) : n((s.n + kGroup - 1) / kGroup * kGroup), unit(s.unit) {
    const T* const a = static_cast<const T*>(s.a);
    rows.clear(n, n);
    std::fill_n(diagonal, kMost, T(1));
    std::fill_n(inverse, kMost, T(1));
    const int64_t last = s.upper ? s.n - 1 : 0, sign = s.upper ? -1 : 1;
    for (int64_t i = 0; i < s.n; ++i) {
      const T* const row = a + (last + sign * i) * s.a_row;
      for (int64_t j = 0; j < i; ++j) rows.at[i][j] = row[(last + sign * j) * s.a_column];
      if (unit) continue;
      diagonal[i] = row[(last + sign * i) * s.a_column];
      inverse[i] = T(1) / diagonal[i];
      divide |= !std::isnormal(inverse[i]);
    }
  }
};

// X in place of B, whose rows are so many vectors and lie `step` apart, the first one to be solved for at x.
template <int Vectors, class T>
void solve(const Triangular<T>& a, T* x, int64_t step) {
  for (int64_t i = 0; i < a.n; i += kGroup) {
    T* const own = x + i * step;
    Vec<T> sums[kGroup][Vectors];
#pragma GCC unroll 4
    for (int r = 0; r < kGroup; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[r][v] = load_vector(own + r * step + v * kLanes<T>);
    for (int64_t j = 0; j < i; ++j) {
      Vec<T> known[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) known[v] = load_vector(x + j * step + v * kLanes<T>);
#pragma GCC unroll 4
      for (int r = 0; r < kGroup; ++r) {
        const Vec<T> factor = splat(a.rows.at[i + r][j]);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[r][v] -= factor * known[v];
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kGroup; ++r) {
#pragma GCC unroll 4
      for (int q = 0; q < r; ++q) {
        const Vec<T> factor = splat(a.rows.at[i + r][i + q]);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[r][v] -= factor * sums[q][v];
      }
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        if (a.divide)
          sums[r][v] /= splat(a.diagonal[i + r]);
        else if (!a.unit)
          sums[r][v] *= splat(a.inverse[i + r]);
        store_vector(own + r * step + v * kLanes<T>, sums[r][v]);
      }
    }
  }
}

// Columns first ... first + count - 1 of B, which fit so many vectors.
template <int Vectors, class T>
void substitute(const TriangularSystem& s, const Triangular<T>& a, int64_t first, int64_t count) {
  constexpr int64_t kPitch = Vectors * kLanes<T>;
  alignas(64) T x[kMost * kPitch];
  T* const rows = s.upper ? x + (a.n - s.n) * kPitch : x;  // B's; before or after them zeros
  T* const b = static_cast<T*>(s.b) + first * s.b_column;
  const auto size = static_cast<size_t>(count) * sizeof(T);
  std::memset(x, 0, static_cast<size_t>(a.n * kPitch) * sizeof(T));
  if (s.b_column == 1)
    for (int64_t i = 0; i < s.n; ++i) std::memcpy(rows + i * kPitch, b + i * s.b_row, size);
  else
    transpose_tile<Beyond::Nothing>(b, s.b_column, count, s.n, rows, kPitch);
  solve<Vectors>(a, s.upper ? x + (a.n - 1) * kPitch : x, s.upper ? -kPitch : kPitch);
  if (s.b_column == 1)
    for (int64_t i = 0; i < s.n; ++i) std::memcpy(b + i * s.b_row, rows + i * kPitch, size);
  else
    transpose_tile<Beyond::Nothing>(rows, kPitch, s.n, count, b, s.b_column);
}

template <class T>
void substitute(const TriangularSystem& s) {
  const Triangular<T> a(s);
  int64_t first = 0;
  for (; s.columns - first > kLanes<T>; first += 2 * kLanes<T>)
    substitute<2>(s, a, first, std::min<int64_t>(2 * kLanes<T>, s.columns - first));
  if (first < s.columns) substitute<1>(s, a, first, s.columns - first);
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const DiagonalBlocksTable diagonal_blocks_table = {
    {cholesky<float>, cholesky<double>}, {lu<float>, lu<double>}, {substitute<float>, substitute<double>}};
}  // namespace PLAIT_ISA
}  // namespace plait::cpu
