#include "ops/cpu/rnn_layer.h"

#include "ops/cpu/gemm_tile.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

template <class T>
void pack(void* panel, const void* from, int64_t row, int64_t column, int64_t k, int64_t columns) {
  constexpr int64_t kWidth = kTileColumns<T>, kStep = 4;  // columns that are read side by side
  T* to = static_cast<T*>(panel);
  const T* b = static_cast<const T*>(from);
  if (columns < kWidth)
    for (int64_t i = 0; i < k * kWidth; ++i) to[i] = T(0);
  if (column == 1) {
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < columns; ++j) to[l * kWidth + j] = b[l * row + j];
    return;
  }
  for (int64_t first = 0; first < columns; first += kStep) {
    const int64_t last = first + kStep < columns ? first + kStep : columns;
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = first; j < last; ++j) to[l * kWidth + j] = b[l * row + j * column];
  }
}

// Depth of a product's blocks: so much of a panel stays in the first-level cache for all rows.
constexpr int64_t kDepth = 256;

template <int Rows, class T>
PLAIT_INLINE void store_tile(Vec<T> (&sums)[Rows][kTileVectors], const T* start, int64_t start_row, T* c,
                             int64_t c_row, int64_t columns) {
  if (columns == kTileColumns<T>) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        const int64_t at = v * kLanes<T>;
        store_vector(c + r * c_row + at,
                     start ? sums[r][v] + load_vector(start + r * start_row + at) : sums[r][v]);
      }
    return;
  }
  alignas(64) T values[kTileColumns<T>];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) store_vector(values + v * kLanes<T>, sums[r][v]);
    for (int64_t j = 0; j < columns; ++j)
      c[r * c_row + j] = start ? values[j] + start[r * start_row + j] : values[j];
  }
}

template <class T>
void multiply(int64_t rows, int64_t k, const void* a_, int64_t a_row, const void* panel_, const void* start_,
              int64_t start_row, void* c_, int64_t c_row, int64_t columns) {
  const T *a = static_cast<const T*>(a_), *panel = static_cast<const T*>(panel_),
          *start = static_cast<const T*>(start_);
  T* c = static_cast<T*>(c_);
  constexpr int64_t kWidth = kTileColumns<T>;
  // Tiles of about the same height: the last is not left with one row.
  const int64_t count = (rows + kTileRows - 1) / kTileRows;
  for (int64_t k0 = 0; k0 < k; k0 += kDepth) {
    const int64_t depth = k - k0 < kDepth ? k - k0 : kDepth;
    const T* block = panel + k0 * kWidth;
    for (int64_t tile = 0; tile < count; ++tile) {
      const int64_t r0 = rows * tile / count, height = rows * (tile + 1) / count - r0;
      const T *from = a + r0 * a_row + k0, *begin = start ? start + r0 * start_row : nullptr;
      T* to = c + r0 * c_row;
      with_rows<kTileRows>(height, [&]<int Rows>() {
        if constexpr (Rows <= 2) {
          // Few sums would wait for each other: four sets of them.
          constexpr int kSets = 4;
          Vec<T> sums[kSets][Rows][kTileVectors] = {};
          int64_t l = 0;
          for (; l + kSets <= depth; l += kSets)
#pragma GCC unroll 4
            for (int s = 0; s < kSets; ++s)
              accumulate<Rows, kTileVectors>(sums[s], 1, from + l + s, a_row, 1, block + (l + s) * kWidth,
                                             kWidth);
          accumulate<Rows, kTileVectors>(sums[0], depth - l, from + l, a_row, 1, block + l * kWidth, kWidth);
#pragma GCC unroll 2
          for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < kTileVectors; ++v)
              sums[0][r][v] = (sums[0][r][v] + sums[1][r][v]) + (sums[2][r][v] + sums[3][r][v]);
          store_tile<Rows>(sums[0], begin, start_row, to, c_row, columns);
        } else {
          Vec<T> sums[Rows][kTileVectors] = {};
          accumulate<Rows, kTileVectors>(sums, depth, from, a_row, 1, block, kWidth);
          store_tile<Rows>(sums, begin, start_row, to, c_row, columns);
        }
      });
    }
    start = c;
    start_row = c_row;
  }
}

// ---- cells

// In the place of a gradient that is not there, for a strip: loops without conditions become vector code.
template <class T>
alignas(64) constexpr T kZeros[kTileColumns<T>] = {};
template <class T>
const T* or_zeros(const void* gradient) {
  return gradient ? static_cast<const T*>(gradient) : kZeros<T>;
}

template <class T>
void lstm(const CellRow& row) {
  T *i = static_cast<T*>(row.gates), *f = i + row.size, *g = f + row.size, *o = g + row.size;
  T *c = static_cast<T*>(row.state), *out = static_cast<T*>(row.out), *cells = static_cast<T*>(row.cells);
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    i[j] = vec::sigmoid(i[j]);
    g[j] = vec::tanh(g[j]);
    f[j] = vec::sigmoid(f[j]);
    cells[j] = c[j] = f[j] * c[j] + i[j] * g[j];
  }
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    o[j] = vec::sigmoid(o[j]);
    out[j] = o[j] * vec::tanh(c[j]);
  }
}

template <class T>
void lstm_grad(const CellRowGrad& row) {
  const int64_t size = row.size;
  const T *dh = static_cast<const T*>(row.dh), *go = or_zeros<T>(row.grad_out),
          *gc = or_zeros<T>(row.grad_cells), *gg = static_cast<const T*>(row.grad_gates);
  const T *i = static_cast<const T*>(row.gates), *f = i + size, *g = f + size, *o = g + size;
  const T *cells = static_cast<const T*>(row.cells), *before = static_cast<const T*>(row.before);
  T *dc = static_cast<T*>(row.state), *di = static_cast<T*>(row.dx_sums), *df = di + size, *dg = df + size,
    *d_o = dg + size;
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    const T h = dh[j] + go[j], squashed = vec::tanh(cells[j]);
    const T d = dc[j] + gc[j] + h * o[j] * (T(1) - squashed * squashed);
    di[j] = d * g[j] * i[j] * (T(1) - i[j]);
    df[j] = d * before[j] * f[j] * (T(1) - f[j]);
    dg[j] = d * i[j] * (T(1) - g[j] * g[j]);
    d_o[j] = h * squashed * o[j] * (T(1) - o[j]);
    dc[j] = d * f[j];
  }
  if (!gg) return;
  const T *gi = gg, *gf = gi + size, *g_g = gf + size, *g_o = g_g + size;
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    di[j] += gi[j] * i[j] * (T(1) - i[j]);
    df[j] += gf[j] * f[j] * (T(1) - f[j]);
    dg[j] += g_g[j] * (T(1) - g[j] * g[j]);
    d_o[j] += g_o[j] * o[j] * (T(1) - o[j]);
  }
}

template <class T>
void gru(const CellRow& row) {
  T *r = static_cast<T*>(row.gates), *z = r + row.size, *n = z + row.size, *from_h = n + row.size;
  T *h = static_cast<T*>(row.state), *out = static_cast<T*>(row.out);
  const T *xr = static_cast<const T*>(row.x), *xz = xr + row.size, *xn = xz + row.size;
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    const T reset = vec::sigmoid(xr[j] + r[j]), update = vec::sigmoid(xz[j] + z[j]);
    const T sum = n[j], fresh = vec::tanh(xn[j] + reset * sum);
    r[j] = reset, z[j] = update, n[j] = fresh, from_h[j] = sum;
    out[j] = h[j] = fresh + update * (h[j] - fresh);
  }
}

template <class T>
void gru_grad(const CellRowGrad& row) {
  const int64_t size = row.size;
  const T *dh = static_cast<const T*>(row.dh), *go = or_zeros<T>(row.grad_out);
  const int64_t step = row.grad_gates ? size : 0;
  const T *gr = or_zeros<T>(row.grad_gates), *gz = gr + step, *gn = gz + step, *gs = gn + step;
  const T *r = static_cast<const T*>(row.gates), *z = r + size, *n = z + size, *from_h = n + size;
  const T* before = static_cast<const T*>(row.before);
  T *carried = static_cast<T*>(row.state), *dx = static_cast<T*>(row.dx_sums),
    *dy = static_cast<T*>(row.dh_sums);
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    const T d = dh[j] + carried[j] + go[j];
    const T d_fresh = (d * (T(1) - z[j]) + gn[j]) * (T(1) - n[j] * n[j]);
    const T d_update = (d * (before[j] - n[j]) + gz[j]) * z[j] * (T(1) - z[j]);
    const T d_reset = (d_fresh * from_h[j] + gr[j]) * r[j] * (T(1) - r[j]);
    dx[j] = d_reset, dy[j] = d_reset;
    dx[size + j] = d_update, dy[size + j] = d_update;
    dx[2 * size + j] = d_fresh, dy[2 * size + j] = d_fresh * r[j] + gs[j];
    carried[j] = d * z[j];
  }
}

template <class T, bool Relu>
void simple(const CellRow& row) {
  T* out = static_cast<T*>(row.out);
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    if constexpr (Relu)
      out[j] = out[j] <= T(0) ? T(0) : out[j];  // NaN stays
    else
      out[j] = vec::tanh(out[j]);
  }
}

template <class T, bool Relu>
void simple_grad(const CellRowGrad& row) {
  const T *dh = static_cast<const T*>(row.dh), *go = or_zeros<T>(row.grad_out),
          *out = static_cast<const T*>(row.before);
  T* dx = static_cast<T*>(row.dx_sums);
#pragma GCC ivdep
  for (int64_t j = 0; j < row.n; ++j) {
    const T d = dh[j] + go[j];
    if constexpr (Relu)
      dx[j] = out[j] <= T(0) ? T(0) : d;
    else
      dx[j] = d * (T(1) - out[j] * out[j]);
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const RnnLayerTable rnn_layer_table = {
    {kTileColumns<float>, kTileColumns<double>},
    {&pack<float>, &pack<double>},
    {&multiply<float>, &multiply<double>},
    {{&lstm<float>, &lstm<double>},
     {&gru<float>, &gru<double>},
     {&simple<float, false>, &simple<double, false>},
     {&simple<float, true>, &simple<double, true>}},
    {{&lstm_grad<float>, &lstm_grad<double>},
     {&gru_grad<float>, &gru_grad<double>},
     {&simple_grad<float, false>, &simple_grad<double, false>},
     {&simple_grad<float, true>, &simple_grad<double, true>}}};
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
