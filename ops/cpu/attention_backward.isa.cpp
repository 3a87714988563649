#include "ops/cpu/attention.h"

#include "ops/cpu/gemm_tile.h"
#include "ops/cpu/vecmath/explog.h"

namespace plait::cpu {
namespace {

using V = Vec<float>;
constexpr int64_t kLane = kLanes<float>;
constexpr int64_t kPanel = kTileColumns<float>;
constexpr int64_t kQueries = 48;  // a block of scores, queries x keys, stays in the first-level cache
constexpr int64_t kKeys = 64;
// Queries that are worked on together where the diagonal crosses the keys: of the products that are masked,
// fewer are formed.
constexpr int64_t kDiagonal = 24;
constexpr float kMinusInfinity = -__builtin_inff();

constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t padded(int64_t n) { return (n + kLane - 1) / kLane * kLane; }

// ---- products of blocks

// A right-hand matrix: panels of kPanel columns, `panel` elements apart, their rows `row` apart.
struct Right {
  const float* data;
  int64_t panel, row;
};

template <int Vectors, bool Add>
__attribute__((noinline)) void panel_product(int64_t rows, int64_t k, const float* a, int64_t a_row,
                                             int64_t a_column, const float* b, int64_t b_row, float* c,
                                             int64_t c_row) {
  for (int64_t i = 0; i < rows; i += kTileRows) {
    with_rows<kTileRows>(rows - i, [&]<int Rows>() {
      V sums[Rows][Vectors] = {};
      float* to = c + i * c_row;
      if constexpr (Add) {
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v) sums[r][v] = load_vector(to + r * c_row + v * kLane);
      }
      accumulate<Rows, Vectors>(sums, k, a + i * a_row, a_row, a_column, b, b_row);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) store_vector(to + r * c_row + v * kLane, sums[r][v]);
    });
  }
}

// c (rows, columns) = a b, or += ; columns are padded to whole vectors.
template <bool Add>
void block_product(int64_t rows, int64_t columns, int64_t k, const float* a, int64_t a_row, int64_t a_column,
                   Right b, float* c, int64_t c_row) {
  for (int64_t j = 0; j < columns; j += kPanel) {
    if (columns - j > kLane)
      panel_product<2, Add>(rows, k, a, a_row, a_column, b.data, b.row, c + j, c_row);
    else
      panel_product<1, Add>(rows, k, a, a_row, a_column, b.data, b.row, c + j, c_row);
    b.data += b.panel;
  }
}

// The transpose of `rows` rows of x, as panels.
void pack_transposed(float* to, const float* x, int64_t x_row, int64_t rows, int64_t depth) {
  for (int64_t j0 = 0; j0 < rows; j0 += kPanel) {
    const int64_t count = least(kPanel, rows - j0);
    for (int64_t j = 0; j < count; ++j) {
      const float* from = x + (j0 + j) * x_row;
      for (int64_t l = 0; l < depth; ++l) to[l * kPanel + j] = from[l];
    }
    for (int64_t l = 0; l < depth; ++l)
      for (int64_t j = count; j < kPanel; ++j) to[l * kPanel + j] = 0;
    to += depth * kPanel;
  }
}

// Rows of x with their ends padded with zeros; x itself where nothing is to be padded.
Right rows_of(const float* x, int64_t x_row, int64_t rows, int64_t depth, float* buffer) {
  const int64_t width = padded(depth);
  if (width == depth) return {x, kPanel, x_row};
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t l = 0; l < depth; ++l) buffer[i * width + l] = x[i * x_row + l];
    for (int64_t l = depth; l < width; ++l) buffer[i * width + l] = 0;
  }
  return {buffer, kPanel, width};
}

// ---- scores

// Scores of one query against keys first ... first + count, in a row padded to whole vectors: scaled, masked,
// -inf in the padding.
PLAIT_INLINE void finish_scores(const AttentionHead& h, float* s, int64_t query, int64_t first,
                                int64_t count) {
  const int64_t width = padded(count);
  for (int64_t j = 0; j < width; j += kLane) store_vector(s + j, load_vector(s + j) * h.scale);
  if (h.mask) {
    const int64_t at = query * h.mask_row + first * h.mask_column;
    if (h.mask_is_bool) {
      const bool* mask = static_cast<const bool*>(h.mask) + at;
      for (int64_t j = 0; j < count; ++j) s[j] = mask[j * h.mask_column] ? s[j] : kMinusInfinity;
    } else {
      const float* mask = static_cast<const float*>(h.mask) + at;
      for (int64_t j = 0; j < count; ++j) s[j] += mask[j * h.mask_column];
    }
  }
  const int64_t end = h.causal ? least(count, query - first + 1) : count;
  for (int64_t j = end < 0 ? 0 : end; j < width; ++j) s[j] = kMinusInfinity;
}

// s = exp(s - shift); -inf gives 0.
PLAIT_INLINE void exp_row(float* s, int64_t width, float shift) {
#pragma GCC ivdep
  for (int64_t j = 0; j < width; ++j)
    s[j] = vec::exp_negative(vec::clamp(s[j] - shift, vec::kExpMin<float>, 0.0f));
}

PLAIT_INLINE float dot(const float* a, const float* b, int64_t n) {
  V sum = {};
  int64_t l = 0;
  for (; l + kLane <= n; l += kLane) sum += load_vector(a + l) * load_vector(b + l);
  float result = sum_lanes<float>(sum);
  for (; l < n; ++l) result += a[l] * b[l];
  return result;
}

// Keys that the queries before `end` see, of those from `first` on.
PLAIT_INLINE int64_t visible(const AttentionHead& h, int64_t first, int64_t end) {
  const int64_t count = least(kKeys, h.keys - first);
  return h.causal ? least(count, end - first) : count;
}

// Queries from `query` on, `left` at most, that are worked on together with the keys from `first` on.
PLAIT_INLINE int64_t queries_at(const AttentionHead& h, int64_t query, int64_t first, int64_t left) {
  const bool diagonal = h.causal && query < first + kKeys;
  return least(diagonal ? kDiagonal : kQueries, left);
}

int64_t workspace_of(const AttentionHead& h) {
  const int64_t width = padded(h.depth), value_width = padded(h.value_depth);
  return 2 * kQueries * kKeys + kKeys * (h.depth + h.value_depth) + 2 * kKeys * (width + value_width) +
         h.queries * (1 + width + value_width) + 4 * kLane;
}

// The block of dk or dv into the result.
void write_rows(float* to, int64_t row, const float* from, int64_t rows, int64_t depth, int64_t width,
                bool adds) {
  for (int64_t j = 0; j < rows; ++j)
    for (int64_t l = 0; l < depth; ++l)
      to[j * row + l] = adds ? to[j * row + l] + from[j * width + l] : from[j * width + l];
}

void backward(const AttentionHead& h, float* workspace) {
  const int64_t width = padded(h.depth), value_width = padded(h.value_depth);
  float* const weights = workspace;
  float* const dscores = weights + kQueries * kKeys;
  float* const packed_keys = dscores + kQueries * kKeys;
  float* const packed_values = packed_keys + kKeys * h.depth;
  float* const key_rows = packed_values + kKeys * h.value_depth;
  float* const dk = key_rows + kKeys * (width + value_width);
  float* const dv = dk + kKeys * width;
  float* const delta = dv + kKeys * value_width;  // sums over a row of grad * out
  float* const query_rows = delta + h.queries;
  float* const grad_rows = query_rows + h.queries * width;
  const Right queries = rows_of(h.q, h.q_row, h.queries, h.depth, query_rows);
  const Right grads = rows_of(h.grad, h.grad_row, h.queries, h.value_depth, grad_rows);
  for (int64_t i = 0; i < h.queries; ++i)
    delta[i] = dot(h.grad + i * h.grad_row, h.out + i * h.out_row, h.value_depth);
  for (int64_t first = 0; first < h.keys; first += kKeys) {
    const int64_t block_keys = least(kKeys, h.keys - first);
    pack_transposed(packed_keys, h.k + first * h.k_row, h.k_row, block_keys, h.depth);
    pack_transposed(packed_values, h.v + first * h.v_row, h.v_row, block_keys, h.value_depth);
    const Right keys = rows_of(h.k + first * h.k_row, h.k_row, block_keys, h.depth, key_rows);
    for (int64_t i = 0; i < kKeys * width; ++i) dk[i] = 0;
    for (int64_t i = 0; i < kKeys * value_width; ++i) dv[i] = 0;
    for (int64_t i = h.causal ? first / kDiagonal * kDiagonal : 0, rows; i < h.queries; i += rows) {
      rows = queries_at(h, i, first, h.queries - i);
      const int64_t count = visible(h, first, i + rows), columns = padded(count);
      if (count <= 0) continue;
      const float* grad = h.grad + i * h.grad_row;
      const float* query = h.q + i * h.q_row;
      block_product<false>(rows, columns, h.depth, query, h.q_row, 1, {packed_keys, kPanel * h.depth, kPanel},
                           weights, kKeys);
      block_product<false>(rows, columns, h.value_depth, grad, h.grad_row, 1,
                           {packed_values, kPanel * h.value_depth, kPanel}, dscores, kKeys);
      for (int64_t r = 0; r < rows; ++r) {
        float *w = weights + r * kKeys, *d = dscores + r * kKeys;
        finish_scores(h, w, i + r, first, count);
        exp_row(w, columns, h.lse[i + r]);
        for (int64_t j = 0; j < columns; j += kLane)
          store_vector(d + j, load_vector(w + j) * (load_vector(d + j) - delta[i + r]) * h.scale);
      }
      block_product<true>(count, value_width, rows, weights, 1, kKeys,
                          {grads.data + i * grads.row, grads.panel, grads.row}, dv, value_width);
      block_product<true>(count, width, rows, dscores, 1, kKeys,
                          {queries.data + i * queries.row, queries.panel, queries.row}, dk, width);
      block_product<true>(rows, width, count, dscores, kKeys, 1, keys, h.dq + i * h.dq_row, h.dq_row);
    }
    write_rows(h.dk + first * h.dk_row, h.dk_row, dk, block_keys, h.depth, width, h.adds);
    write_rows(h.dv + first * h.dv_row, h.dv_row, dv, block_keys, h.value_depth, value_width, h.adds);
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const AttentionBackwardTable attention_backward_table = {&workspace_of, &backward, kLane};
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
