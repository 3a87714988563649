#include "ops/cpu/attention_blocks.h"

// The scores are formed again, transposed as in the forward pass: see Note [Queries in lanes]. Queries and
// gradients are kept both ways, since keys and values collect products of their rows.

namespace plait::cpu {
namespace {

constexpr int64_t kKeysAtOnce = 64;  // of which weights and their derivatives stay in the first-level cache
constexpr int64_t kBlocks = 4;       // blocks of queries that go through the keys together

constexpr int64_t padded(int64_t n) { return (n + kLane - 1) / kLane * kLane; }

// c (rows, columns) += a b; columns are whole vectors.
template <int Vectors>
__attribute__((noinline)) void add_panel(int64_t rows, int64_t k, const float* a, int64_t a_row,
                                         const float* b, int64_t b_row, float* c, int64_t c_row) {
  for (int64_t i = 0; i < rows; i += kTileRows) {
    with_rows<kTileRows>(rows - i, [&]<int Rows>() {
      V sums[Rows][Vectors];
      float* to = c + i * c_row;
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[r][v] = load_vector(to + r * c_row + v * kLane);
      accumulate<Rows, Vectors>(sums, k, a + i * a_row, a_row, 1, b, b_row);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) store_vector(to + r * c_row + v * kLane, sums[r][v]);
    });
  }
}
void add_product(int64_t rows, int64_t columns, int64_t k, const float* a, int64_t a_row, const float* b,
                 int64_t b_row, float* c, int64_t c_row) {
  for (int64_t j = 0; j < columns; j += kPanel) {
    if (columns - j > kLane)
      add_panel<2>(rows, k, a, a_row, b + j, b_row, c + j, c_row);
    else
      add_panel<1>(rows, k, a, a_row, b + j, b_row, c + j, c_row);
  }
}

// Rows of x with their ends padded with zeros; x itself where nothing is to be padded.
struct PaddedRows {
  const float* data;
  int64_t row;

  static int64_t floats(int64_t depth) { return padded(depth) == depth ? 0 : kPanel * padded(depth); }

  PaddedRows(const float* x, int64_t x_row, int64_t rows, int64_t depth, float* buffer, bool fills)
      : data(x),
        row(x_row) {
    const int64_t width = padded(depth);
    if (width == depth) return;
    data = buffer, row = width;
    for (int64_t i = 0; fills && i < rows; ++i) {
      for (int64_t l = 0; l < depth; ++l) buffer[i * width + l] = x[i * x_row + l];
      for (int64_t l = depth; l < width; ++l) buffer[i * width + l] = 0;
    }
  }
};

PLAIT_INLINE float dot(const float* a, const float* b, int64_t n) {
  V sum = {};
  int64_t l = 0;
  for (; l + kLane <= n; l += kLane) sum += load_vector(a + l) * load_vector(b + l);
  float result = sum_lanes<float>(sum);
  for (; l < n; ++l) result += a[l] * b[l];
  return result;
}

// A block of queries while the keys go by.
class QueryBlock {
 public:
  static int64_t floats(const AttentionHead& h) {
    return (2 * h.depth + h.value_depth + 2) * kPanel + PaddedRows::floats(h.depth) +
           PaddedRows::floats(h.value_depth);
  }

  QueryBlock(const AttentionHead& head, int64_t begin, int64_t end, int64_t index, float* workspace,
             bool starts)
      : h(head),
        query(begin + index * kPanel),
        count(least(kPanel, end - query)),
        columns(workspace + index * floats(h)),
        grad_columns(columns + h.depth * kPanel),
        dq(grad_columns + h.value_depth * kPanel),
        lse(dq + h.depth * kPanel),
        delta(lse + kPanel),
        rows(h.q + query * h.q_row, h.q_row, count, h.depth, delta + kPanel, starts),
        grad_rows(h.grad + query * h.grad_row, h.grad_row, count, h.value_depth,
                  delta + kPanel + PaddedRows::floats(h.depth), starts) {
    if (starts) start();
  }

  // Keys first ... first + keys: their gradients, and theirs to dq.
  void add_keys(int64_t first, int64_t keys, float* weights, float* dscores, float* mask_rows,
                float* mask) const {
    const float *k = h.k + first * h.k_row, *v = h.v + first * h.v_row;
    const Seen seen(h, query, count, first, keys);
    products(seen, h.depth, k, h.k_row, columns, weights);
    products(seen, h.value_depth, v, h.v_row, grad_columns, dscores);
    if (h.mask) load_mask(h, query, count, first, keys, mask_rows, mask);
    for (int i = 0; i < vectors(); ++i) {
      const int64_t lane = i * kLane;
      mask_scores(h, h.mask, weights + lane, h.mask ? mask + lane : nullptr, query + lane, first, seen.of(i));
      weigh(weights + lane, dscores + lane, seen.of(i), h.mask ? 1 : h.scale, lane);
    }
    // Keys that only the second vector sees have products with its queries alone.
    const int64_t width = padded(h.depth), value_width = padded(h.value_depth);
    float *dk = h.dk + first * h.dk_row, *dv = h.dv + first * h.dv_row;
    add_product(seen.first, value_width, count, weights, kPanel, grad_rows.data, grad_rows.row, dv, h.dv_row);
    add_product(seen.first, width, count, dscores, kPanel, rows.data, rows.row, dk, h.dk_row);
    const V ones[2] = {splat(1.0f), splat(1.0f)};
    if (vectors() == 2)
      panel_product<2, true>(h.depth, seen.first, k, 1, h.k_row, dscores, dq, ones);
    else
      panel_product<1, true>(h.depth, seen.first, k, 1, h.k_row, dscores, dq, ones);
    if (seen.more == 0) return;
    const int64_t at = seen.first * kPanel + kLane;
    add_product(seen.more, value_width, count - kLane, weights + at, kPanel,
                grad_rows.data + kLane * grad_rows.row, grad_rows.row, dv + seen.first * h.dv_row, h.dv_row);
    add_product(seen.more, width, count - kLane, dscores + at, kPanel, rows.data + kLane * rows.row, rows.row,
                dk + seen.first * h.dk_row, h.dk_row);
    panel_product<1, true>(h.depth, seen.more, k + seen.first * h.k_row, 1, h.k_row, dscores + at, dq + kLane,
                           ones);
  }

  void finish() const { write_rows(dq, count, h.depth, columns, h.dq + query * h.dq_row, h.dq_row); }

 private:
  const AttentionHead& h;
  int64_t query, count;           // the first one
  float *columns, *grad_columns;  // (depth, panel), (value_depth, panel): queries and the result's gradient
  float* dq;                      // (depth, panel)
  float *lse, *delta;             // (panel): logarithms of sums, sums over a row of grad * out
  PaddedRows rows, grad_rows;

  int vectors() const { return count > kLane ? 2 : 1; }

  void start() const {
    if (count < kPanel)
      for (float* x = columns; x < dq; ++x) *x = 0;
    transpose_tile<Beyond::Nothing>(h.q + query * h.q_row, h.q_row, count, h.depth, columns, kPanel);
    transpose_tile<Beyond::Nothing>(h.grad + query * h.grad_row, h.grad_row, count, h.value_depth,
                                    grad_columns, kPanel);
    for (int64_t i = 0; i < h.depth * kPanel; ++i) dq[i] = 0;
    for (int64_t i = 0; i < kPanel; ++i) {
      lse[i] = i < count ? h.lse[query + i] : -kMinusInfinity;  // no weight
      delta[i] = i < count
                     ? dot(h.grad + (query + i) * h.grad_row, h.out + (query + i) * h.out_row, h.value_depth)
                     : 0;
    }
  }

  // Rows of keys or values by columns of queries or gradients.
  void products(const Seen& seen, int64_t depth, const float* x, int64_t x_row, const float* b,
                float* to) const {
    if (vectors() == 2)
      panel_product<2, false>(seen.first, depth, x, x_row, 1, b, to);
    else
      panel_product<1, false>(seen.first, depth, x, x_row, 1, b, to);
    if (seen.more > 0)
      panel_product<1, false>(seen.more, depth, x + seen.first * x_row, x_row, 1, b + kLane,
                              to + seen.first * kPanel + kLane);
  }

  // Scores to weights, and the weights' derivatives to those of scores.
  void weigh(float* scores, float* derivatives, int64_t keys, float scale, int64_t lane) const {
    const V sum = load_vector(lse + lane), inner = load_vector(delta + lane);
    for (int64_t j = 0; j < keys; ++j) {
      float *s = scores + j * kPanel, *d = derivatives + j * kPanel;
      const V weight = exp2_weight((load_vector(s) * scale - sum) * kLog2E);
      store_vector(s, weight);
      store_vector(d, weight * (load_vector(d) - inner) * h.scale);
    }
  }
};

int64_t workspace_of(const AttentionHead& h) {
  const int64_t count = least((h.queries + kPanel - 1) / kPanel, kBlocks);
  return 2 * kKeysAtOnce * kPanel + count * QueryBlock::floats(h) + (h.mask ? 2 * kKeys * kPanel : 0);
}

void backward(const AttentionHead& h, float* workspace) {
  float* const weights = workspace;
  float* const dscores = weights + kKeysAtOnce * kPanel;
  float* const state = dscores + kKeysAtOnce * kPanel;
  float* const mask = state + least((h.queries + kPanel - 1) / kPanel, kBlocks) * QueryBlock::floats(h);
  constexpr int64_t kTogether = kBlocks * kPanel;
  for (int64_t begin = 0; begin < h.queries; begin += kTogether) {
    const int64_t end = least(begin + kTogether, h.queries), count = (end - begin + kPanel - 1) / kPanel;
    const int64_t keys = h.causal ? least(h.keys, end) : h.keys;
    read_ahead(h.q + begin * h.q_row, h.q_row, end - begin, h.depth);
    read_ahead(h.grad + begin * h.grad_row, h.grad_row, end - begin, h.value_depth);
    int64_t first = 0;
    do {
      const int64_t next = first + kKeysAtOnce, block_keys = least(kKeysAtOnce, keys - first);
      // Keys that queries before these have not seen.
      if (begin == 0 || (h.causal && next > begin)) {
        read_ahead(h.k + first * h.k_row, h.k_row, block_keys, h.depth);
        read_ahead(h.v + first * h.v_row, h.v_row, block_keys, h.value_depth);
      }
      // Queries that see none of these keys are skipped.
      for (int64_t i = h.causal && first > begin ? (first - begin) / kPanel : 0; i < count; ++i) {
        const QueryBlock b(h, begin, end, i, state, first == 0);
        if (first < keys) b.add_keys(first, block_keys, weights, dscores, mask + kKeys * kPanel, mask);
        if (next >= keys || (h.causal && next >= least(end, begin + (i + 1) * kPanel))) b.finish();
      }
      first = next;
    } while (first < keys);
  }
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const AttentionBackwardTable attention_backward_table = {&workspace_of, &backward, kLane};
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
