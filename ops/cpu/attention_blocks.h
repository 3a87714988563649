// Blocks of attention's scores. For *.isa.cpp files; everything here has internal linkage.
#pragma once

#include <cstddef>
#include <type_traits>

#include "ops/cpu/attention.h"
#include "ops/cpu/gemm_tile.h"
#include "ops/cpu/tile_transpose.h"

// Note [Queries in lanes]
// A block of scores is formed transposed: a row for each key, its queries in the lanes of vectors. Keys and
// values are then the operands whose numbers are broadcast one by one, which may lie anyhow, so that neither
// is packed; only the queries and the result are transposed, once. The largest score and the sum of
// exponentials of each query are lanes of vectors too: no vector is reduced to a number. Where the diagonal
// crosses a block, half of it, a vector wide, is skipped by itself.
//
// A handful of queries would leave lanes empty: they take dot products of rows instead.

namespace plait::cpu {
namespace {

using V = Vec<float>;
constexpr int64_t kLane = kLanes<float>;
constexpr int64_t kPanel = kTileColumns<float>;  // queries of a block
constexpr int64_t kKeys = 128;                   // keys of a block: its scores stay in the first-level cache
constexpr float kLog2E = 1.44269504f;
constexpr float kMinusInfinity = -__builtin_inff();

constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// 2^x for x <= 0: to 1 ULP, 0 below 2^-126 and for -inf. NaN comes through.
PLAIT_INLINE V exp2_weight(V x) {
  typedef int32_t Bits __attribute__((vector_size(kVectorBytes)));
  constexpr float kLeast = -127;  // whose power's exponent has the bits of zero
  // Rounds to an integer, which then stands in the low bits with the exponent's bias added.
  constexpr float kRound = 0x1.8p23f + 127;
  x = x < kLeast ? splat(kLeast) : x;
  const V rounded = x + kRound;
  const V r = x - (rounded - kRound);
  // (2^r - 1) / r for |r| <= 1/2, as vec::exp2's.
  V y = r * 0.000154700116f + 0.00133910973f;
  y = r * y + 0.00961802993f;
  y = r * y + 0.0555035658f;
  y = r * y + 0.240226507f;
  y = r * y + 0.693147182f;
  y = r * y + 1.0f;
  return y * __builtin_bit_cast(V, __builtin_bit_cast(Bits, rounded) << 23);
}

// Reads rows one after the other, which the hardware foresees: the products that follow jump from row to row.
void read_ahead(const float* x, int64_t row, int64_t rows, int64_t depth) {
  constexpr int64_t kLine = 64 / sizeof(float);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t l = 0; l < depth; l += kLine)
      static_cast<void>(static_cast<const volatile float*>(x)[i * row + l]);
}

// The transpose of (depth, panel) columns to `count` rows, by a buffer of that size: memory is written in
// order.
void write_rows(const float* columns, int64_t count, int64_t depth, float* buffer, float* to, int64_t row) {
  transpose_tile<Beyond::Nothing>(columns, kPanel, depth, count, buffer, depth);
  for (int64_t i = 0; i < count; ++i)
    __builtin_memcpy(to + i * row, buffer + i * depth, static_cast<std::size_t>(depth) * sizeof(float));
}

// c (rows, panel) = a b, where `Vectors` vectors of each row of b and c count. Scales: c = c * factors + a b.
template <int Vectors, bool Scales>
__attribute__((noinline)) void panel_product(int64_t rows, int64_t k, const float* a, int64_t a_row,
                                             int64_t a_column, const float* b, float* c,
                                             const V* factors = nullptr) {
  for (int64_t i = 0; i < rows; i += kTileRows) {
    with_rows<kTileRows>(rows - i, [&]<int Rows>() {
      V sums[Rows][Vectors] = {};
      float* to = c + i * kPanel;
      if constexpr (Scales) {
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v)
            sums[r][v] = load_vector(to + r * kPanel + v * kLane) * factors[v];
      }
      accumulate<Rows, Vectors>(sums, k, a + i * a_row, a_row, a_column, b, kPanel);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) store_vector(to + r * kPanel + v * kLane, sums[r][v]);
    });
  }
}

// Calls f(mask) with the mask's first element for a block: floats, or bytes that are 0 or 1.
template <class F>
PLAIT_INLINE void with_mask(const AttentionHead& h, int64_t query, int64_t key, const F& f) {
  const int64_t at = query * h.mask_row + key * h.mask_column;
  if (h.mask_is_bool)
    f(static_cast<const uint8_t*>(h.mask) + at);
  else
    f(static_cast<const float*>(h.mask) + at);
}

// The mask of a block, transposed, as numbers: what is added, or not zero where a score counts.
void load_mask(const AttentionHead& h, int64_t query, int64_t count, int64_t first, int64_t keys, float* rows,
               float* columns) {
  const int64_t row = h.mask_row, column = h.mask_column;
  with_mask(h, query, first, [&](const auto* mask) {
    if (row == 0) {  // the same for all queries
      for (int64_t j = 0; j < keys; ++j)
        for (int64_t i = 0; i < kPanel; ++i) columns[j * kPanel + i] = static_cast<float>(mask[j * column]);
      return;
    }
    if constexpr (std::is_same_v<decltype(mask), const float*>) {
      if (column == 1) return transpose_tile<Beyond::Nothing>(mask, row, count, keys, columns, kPanel);
    }
    for (int64_t i = 0; i < count; ++i) {
      if (column == 1)
        for (int64_t j = 0; j < keys; ++j) rows[i * kKeys + j] = static_cast<float>(mask[i * row + j]);
      else
        for (int64_t j = 0; j < keys; ++j)
          rows[i * kKeys + j] = static_cast<float>(mask[i * row + j * column]);
    }
    transpose_tile<Beyond::Nothing>(rows, kKeys, count, keys, columns, kPanel);
  });
}

// One vector of queries, from `query` on, and `count` keys from `first` on: scores scaled and masked.
void mask_scores(const AttentionHead& h, bool scales, float* scores, const float* mask, int64_t query,
                 int64_t first, int64_t count) {
  if (scales) {
    const V none = splat(kMinusInfinity);
    for (int64_t j = 0; j < count; ++j) {
      V s = load_vector(scores + j * kPanel) * h.scale;
      if (mask) {
        const V m = load_vector(mask + j * kPanel);
        s = h.mask_is_bool ? (m != 0 ? s : none) : s + m;
      }
      store_vector(scores + j * kPanel, s);
    }
  }
  if (!h.causal) return;
  for (int64_t j = query >= first ? query - first + 1 : 0; j < count; ++j)
    for (int64_t i = 0; i < kLane; ++i)
      if (query + i < first + j) scores[j * kPanel + i] = kMinusInfinity;
}

// Keys of a block that the queries of each of its two vectors see: those that both do come first, then those
// of the second vector alone.
struct Seen {
  int64_t first, more;

  Seen(const AttentionHead& h, int64_t query, int64_t count, int64_t key, int64_t keys)
      : first(until(h, query + least(count, kLane), key, keys)),
        more(count > kLane ? until(h, query + count, key, keys) - first : 0) {}
  int64_t of(int vector) const { return vector == 0 ? first : first + more; }

 private:
  static int64_t until(const AttentionHead& h, int64_t end, int64_t key, int64_t keys) {
    return h.causal ? least(keys, end > key ? end - key : 0) : keys;
  }
};

}  // namespace
}  // namespace plait::cpu
