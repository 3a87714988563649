#include "ops/cpu/attention.h"

#include "ops/cpu/attention_blocks.h"
#include "ops/cpu/tile_transpose.h"
#include "ops/cpu/vecmath/explog.h"

namespace plait::cpu {
namespace {

constexpr int64_t kBlocks = 6;  // blocks of queries that go through the keys together
constexpr int64_t kFewQueries = 6;
// How the exponent of a weight follows from the product of a query and a key. With a mask the scores are
// scaled before it is added, otherwise the differences to the largest one are.
struct Scaling {
  bool before;
  float after;  // includes the change from e to 2
  // Of a largest score, to its natural unit.
  float natural;

  explicit Scaling(const AttentionHead& h)
      : before(h.mask || !(h.scale > 0)),
        after(before ? kLog2E : h.scale * kLog2E),
        natural(before ? 1 : h.scale) {}
};

// ---- blocks of queries in lanes

// A block of queries while the keys go by.
struct QueryBlock {
  int64_t query, count;  // the first one
  float* columns;        // (depth, panel): the queries
  float* sums;           // (value_depth, panel): of weighted values, relative to `most`
  float* most;           // (panel): the largest scores so far
  float* total;          // (panel): of exponentials

  static int64_t floats(const AttentionHead& h) { return (width(h) + h.value_depth + 2) * kPanel; }
  // Of the queries, and in the end of the rows of the result.
  static int64_t width(const AttentionHead& h) { return h.depth > h.value_depth ? h.depth : h.value_depth; }

  QueryBlock(const AttentionHead& h, int64_t begin, int64_t end, int64_t index, float* workspace)
      : query(begin + index * kPanel),
        count(least(kPanel, end - query)),
        columns(workspace + index * floats(h)),
        sums(columns + width(h) * kPanel),
        most(sums + h.value_depth * kPanel),
        total(most + kPanel) {}

  int vectors() const { return count > kLane ? 2 : 1; }

  void start(const AttentionHead& h) const {
    if (count < kPanel)
      for (int64_t i = 0; i < h.depth * kPanel; ++i) columns[i] = 0;
    transpose_tile<Beyond::Nothing>(h.q + query * h.q_row, h.q_row, count, h.depth, columns, kPanel);
    for (int64_t i = 0; i < h.value_depth * kPanel; ++i) sums[i] = 0;
    for (int64_t i = 0; i < kPanel; ++i) most[i] = kMinusInfinity, total[i] = 0;
  }

  void finish(const AttentionHead& h, float natural) const {
    float inverse[kPanel], logarithm[kPanel];
    for (int64_t i = 0; i < kPanel; ++i) {
      inverse[i] = total[i] == 0 ? 0 : 1 / total[i];
      logarithm[i] = most[i] * natural + vec::log(total[i]);
    }
    for (int64_t l = 0; l < h.value_depth; ++l)
      for (int64_t i = 0; i < kPanel; ++i) sums[l * kPanel + i] *= inverse[i];
    write_rows(sums, count, h.value_depth, columns, h.out + query * h.out_row, h.out_row);
    for (int64_t i = 0; i < count; ++i) h.lse[query + i] = total[i] == 0 ? -kMinusInfinity : logarithm[i];
  }
};

// Scores to weights, relative to the largest score so far. Returns what earlier weights are to be multiplied
// by.
PLAIT_INLINE V weigh(float* scores, int64_t count, float scale, float* most, float* total) {
  constexpr int kChains = 4;
  const V before = load_vector(most);
  V now[kChains] = {before, before, before, before};
  int64_t j = 0;
  for (; j + kChains <= count; j += kChains)
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c)
      now[c] = max_vector<float>(load_vector(scores + (j + c) * kPanel), now[c]);
  for (; j < count; ++j) now[0] = max_vector<float>(load_vector(scores + j * kPanel), now[0]);
  now[0] = max_vector<float>(max_vector<float>(now[0], now[1]), max_vector<float>(now[2], now[3]));
  store_vector(most, now[0]);
  const V shift = now[0] == kMinusInfinity ? V{} : now[0];
  const V factor = exp2_weight((before - shift) * scale);
  V sums[2] = {};
  const auto weigh_one = [&](int64_t at) {
    const V weight = exp2_weight((load_vector(scores + at * kPanel) - shift) * scale);
    store_vector(scores + at * kPanel, weight);
    return weight;
  };
  for (j = 0; j + 2 <= count; j += 2) {
    sums[0] += weigh_one(j);
    sums[1] += weigh_one(j + 1);
  }
  if (j < count) sums[0] += weigh_one(j);
  store_vector(total, load_vector(total) * factor + (sums[0] + sums[1]));
  return factor;
}

void add_keys(const AttentionHead& h, const Scaling& scaling, const QueryBlock& b, int64_t first,
              int64_t keys, float* scores, float* mask_rows, float* mask) {
  const float *k = h.k + first * h.k_row, *v = h.v + first * h.v_row;
  const Seen seen(h, b.query, b.count, first, keys);
  const bool both = b.vectors() == 2;
  if (both) {
    panel_product<2, false>(seen.first, h.depth, k, h.k_row, 1, b.columns, scores);
    panel_product<1, false>(seen.more, h.depth, k + seen.first * h.k_row, h.k_row, 1, b.columns + kLane,
                            scores + seen.first * kPanel + kLane);
  } else {
    panel_product<1, false>(seen.first, h.depth, k, h.k_row, 1, b.columns, scores);
  }
  if (h.mask) load_mask(h, b.query, b.count, first, keys, mask_rows, mask);
  V factors[2];
  for (int i = 0; i < b.vectors(); ++i) {
    mask_scores(h, scaling.before, scores + i * kLane, h.mask ? mask + i * kLane : nullptr,
                b.query + i * kLane, first, seen.of(i));
    factors[i] =
        weigh(scores + i * kLane, seen.of(i), scaling.after, b.most + i * kLane, b.total + i * kLane);
  }
  if (both) {
    panel_product<2, true>(h.value_depth, seen.first, v, 1, h.v_row, scores, b.sums, factors);
    const V one = splat(1.0f);
    if (seen.more)
      panel_product<1, true>(h.value_depth, seen.more, v + seen.first * h.v_row, 1, h.v_row,
                             scores + seen.first * kPanel + kLane, b.sums + kLane, &one);
  } else {
    panel_product<1, true>(h.value_depth, seen.first, v, 1, h.v_row, scores, b.sums, factors);
  }
}

// starts: no queries of this task came before.
void blocks(const AttentionHead& h, int64_t begin, int64_t end, bool starts, float* workspace) {
  const Scaling scaling(h);
  const int64_t count = (end - begin + kPanel - 1) / kPanel;
  float* const scores = workspace;
  float* const state = scores + kKeys * kPanel;
  float* const mask = state + count * QueryBlock::floats(h);
  const int64_t keys = h.causal ? least(h.keys, end) : h.keys;
  read_ahead(h.q + begin * h.q_row, h.q_row, end - begin, h.depth);
  int64_t first = 0;
  do {
    const int64_t next = first + kKeys, block_keys = least(kKeys, keys - first);
    // Keys that queries before these have not seen.
    if (starts || (h.causal && next > begin)) {
      read_ahead(h.k + first * h.k_row, h.k_row, block_keys, h.depth);
      read_ahead(h.v + first * h.v_row, h.v_row, block_keys, h.value_depth);
    }
    // Queries that see none of these keys are skipped.
    for (int64_t i = h.causal && first > begin ? (first - begin) / kPanel : 0; i < count; ++i) {
      const QueryBlock b(h, begin, end, i, state);
      if (first == 0) b.start(h);
      if (first < keys) add_keys(h, scaling, b, first, block_keys, scores, mask + kKeys * kPanel, mask);
      if (next >= keys || (h.causal && next >= b.query + b.count)) b.finish(h, scaling.natural);
    }
    first = next;
  } while (first < keys);
}

// ---- few queries

// The product of one query and a key.
PLAIT_INLINE float dot(const float* a, const float* b, int64_t n) {
  V sum = {};
  int64_t l = 0;
  for (; l + kLane <= n; l += kLane) sum += load_vector(a + l) * load_vector(b + l);
  float result = sum_lanes<float>(sum);
  for (; l < n; ++l) result += a[l] * b[l];
  return result;
}

// sums (depth) = sums * factor + the rows of v by their weights.
void add_rows(const float* weights, int64_t count, const float* v, int64_t v_row, int64_t depth, float factor,
              float* sums) {
  int64_t l = 0;
  const auto add = [&]<int Vectors>() {
    V tile[1][Vectors];
#pragma GCC unroll 4
    for (int i = 0; i < Vectors; ++i) tile[0][i] = load_vector(sums + l + i * kLane) * factor;
    accumulate<1, Vectors>(tile, count, weights, 0, 1, v + l, v_row);
#pragma GCC unroll 4
    for (int i = 0; i < Vectors; ++i) store_vector(sums + l + i * kLane, tile[0][i]);
    l += Vectors * kLane;
  };
  while (l + 4 * kLane <= depth) add.template operator()<4>();
  while (l + kLane <= depth) add.template operator()<1>();
  for (; l < depth; ++l) {
    float sum = sums[l] * factor;
    for (int64_t j = 0; j < count; ++j) sum += weights[j] * v[j * v_row + l];
    sums[l] = sum;
  }
}

void one_by_one(const AttentionHead& h, int64_t begin, int64_t end, float* workspace) {
  const Scaling scaling(h);
  float* const scores = workspace;
  float* const sums = scores + kKeys;
  for (int64_t query = begin; query < end; ++query) {
    for (int64_t l = 0; l < h.value_depth; ++l) sums[l] = 0;
    float most = kMinusInfinity, total = 0;
    const int64_t keys = h.causal ? least(h.keys, query + 1) : h.keys;
    for (int64_t first = 0; first < keys; first += kKeys) {
      const int64_t count = least(kKeys, keys - first), width = (count + kLane - 1) / kLane * kLane;
      for (int64_t j = 0; j < count; ++j)
        scores[j] = dot(h.q + query * h.q_row, h.k + (first + j) * h.k_row, h.depth);
      if (scaling.before) {
        for (int64_t j = 0; j < count; ++j) scores[j] *= h.scale;
        if (h.mask) {
          with_mask(h, query, first, [&]<class M>(const M* mask) {
            for (int64_t j = 0; j < count; ++j) {
              const M m = mask[j * h.mask_column];
              if constexpr (std::is_same_v<M, uint8_t>)
                scores[j] = m ? scores[j] : kMinusInfinity;
              else
                scores[j] += m;
            }
          });
        }
      }
      for (int64_t j = count; j < width; ++j) scores[j] = kMinusInfinity;
      V largest = load_vector(scores);
      for (int64_t j = kLane; j < width; j += kLane)
        largest = max_vector<float>(load_vector(scores + j), largest);
      float now = most;
      for (int i = 0; i < kLane; ++i) now = largest[i] > now ? largest[i] : now;
      const float shift = now == kMinusInfinity ? 0 : now;
      const float factor = exp2_weight(splat(most - shift) * scaling.after)[0];
      V sum = {};
      for (int64_t j = 0; j < width; j += kLane) {
        const V weight = exp2_weight((load_vector(scores + j) - shift) * scaling.after);
        store_vector(scores + j, weight);
        sum += weight;
      }
      most = now;
      total = total * factor + sum_lanes<float>(sum);
      add_rows(scores, count, h.v + first * h.v_row, h.v_row, h.value_depth, factor, sums);
    }
    const float inverse = total == 0 ? 0 : 1 / total;
    for (int64_t l = 0; l < h.value_depth; ++l) h.out[query * h.out_row + l] = sums[l] * inverse;
    h.lse[query] = total == 0 ? -kMinusInfinity : most * scaling.natural + __builtin_logf(total);
  }
}

// ---- the table

int64_t forward_workspace(const AttentionHead& h, int64_t rows) {
  if (rows <= kFewQueries) return kKeys + h.value_depth;
  const int64_t count = least((rows + kPanel - 1) / kPanel, kBlocks);
  return (h.mask ? 3 : 1) * kKeys * kPanel + count * QueryBlock::floats(h);
}

void forward(const AttentionHead& h, int64_t begin, int64_t end, float* workspace) {
  if (end - begin <= kFewQueries) return one_by_one(h, begin, end, workspace);
  constexpr int64_t kTogether = kBlocks * kPanel;
  for (int64_t i = begin; i < end; i += kTogether)
    blocks(h, i, least(i + kTogether, end), i == begin, workspace);
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const AttentionTable attention_table = {&forward_workspace, &forward, kPanel};
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
