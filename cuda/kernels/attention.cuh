// What the forward and the backward pass of attention share: tilings, masks, the choice of a kernel.
//
// Scores are kept in units of log 2, so that weights are powers of two: exp(s) = 2^(s log2(e)).
#pragma once

#include "cuda/device/attention_tiles.cuh"
#include "cuda/device/math.cuh"
#include "cuda/kernels/attention.h"

namespace plait::cuda {
namespace {

constexpr double kLog2E = 1.4426950408889634074, kLn2 = 0.6931471805599453094;

// By the hardware's instruction, with a relative error of 2^-22; below 2^-126 zero.
__device__ __forceinline__ float power_of_two(float x) {
#ifdef PLAIT_CUDA_EMULATED
  return math::exp2(x);
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}
__device__ __forceinline__ double power_of_two(double x) { return math::exp2(x); }

template <class T>
__device__ __forceinline__ T* at(const AttentionMatrix& m, int64_t batch, int64_t head) {
  return static_cast<T*>(m.data) + batch * m.batch + head * m.head;
}

// How much of a vector of `depth` elements is in its chunk c, in whole steps of the products.
template <class P>
__device__ __forceinline__ int chunk_depth(int64_t depth, int64_t c) {
  const int64_t left = depth - c * P::kWidth;
  return left >= P::kWidth ? P::kWidth : (static_cast<int>(left) + P::kStep - 1) / P::kStep * P::kStep;
}
// Vectors of no elements have a chunk, too: their products are zero, their rows have sums.
inline __host__ __device__ int64_t chunks(int64_t depth, int width) {
  return depth <= width ? 1 : ceil_div(depth, width);
}

// One of many sizes of a position in a launch's grid.
__device__ __forceinline__ uint32_t take(uint32_t& index, int64_t size) {
  const auto n = static_cast<uint32_t>(size);
  const uint32_t result = index % n;
  index /= n;
  return result;
}

// A tile of the mask into a tile of scores, as what is added to them; to be followed by a __syncthreads().
// Rows are queries and columns are keys; the other way round with KeyRows.
template <class P, bool KeyRows>
__device__ __forceinline__ void load_mask(typename P::T* to, const AttentionPlan& p, int64_t batch,
                                          int64_t head, int64_t row0, int64_t column0) {
  using T = typename P::T;
  using O = typename P::O;
  const int64_t row_stride = KeyRows ? p.mask_key : p.mask_query,
                column_stride = KeyRows ? p.mask_query : p.mask_key;
  const int64_t rows = (KeyRows ? p.keys : p.queries) - row0,
                columns = (KeyRows ? p.queries : p.keys) - column0;
  // Neighbouring threads read neighbours in memory: along rows, or down columns.
  static_assert(P::kThreads % P::kColumns == 0 && P::kThreads % P::kRows == 0);
  const bool down = column_stride > row_stride && row_stride > 0;
  const int tid = static_cast<int>(threadIdx.x), row_step = down ? 0 : P::kThreads / P::kColumns,
            column_step = down ? P::kThreads / P::kRows : 0;
  const int64_t step = row_step * row_stride + column_step * column_stride;
  const auto over_tile = [&](const auto* mask, const auto& to_score) {
    int r = down ? tid % P::kRows : tid / P::kColumns, c = down ? tid / P::kRows : tid % P::kColumns;
    mask +=
        batch * p.mask_batch + head * p.mask_head + (row0 + r) * row_stride + (column0 + c) * column_stride;
#pragma unroll 8
    for (int i = 0; i < P::kRows * P::kColumns / P::kThreads; ++i) {
      to[r * P::kScorePitch + c] = r < rows && c < columns ? to_score(*mask) : T{};
      r += row_step, c += column_step, mask += step;
    }
  };
  if (p.mask_kind == AttentionPlan::Bool) {
    const T seen = from_op<T>(O(0)), hidden = from_op<T>(-math::infinity<O>());
    over_tile(static_cast<const uint8_t*>(p.mask), [=](uint8_t sees) { return sees ? seen : hidden; });
  } else {
    over_tile(static_cast<const T*>(p.mask), [](T added) { return added; });
  }
}

// From products at rows row0 ... and columns column0 ... to scores: scaled, with the tile of the mask added
// where there is one; -inf in the future and beyond the ends.
template <class P, bool KeyRows>
__device__ __forceinline__ void finish_scores(typename P::O (&s)[P::kEach][P::kScores],
                                              const AttentionPlan& p, const typename P::T* mask, int64_t row0,
                                              int64_t column0) {
  using O = typename P::O;
  const O scale = static_cast<O>(p.scale * kLog2E);
#pragma unroll
  for (int r = 0; r < P::kEach; ++r)
#pragma unroll
    for (int c = 0; c < P::kScores; ++c) s[r][c] *= scale;
  if (p.mask_kind != AttentionPlan::None) {
    const bool adds = p.mask_kind == AttentionPlan::Added;
#pragma unroll
    for (int r = 0; r < P::kEach; ++r)
#pragma unroll
      for (int c = 0; c < P::kScores; ++c) {
        const O m = to_op(mask[P::row(r) * P::kScorePitch + P::score_column(c)]);
        // What a bool mask hides is hidden even where it is NaN.
        if (adds || m != O(0)) s[r][c] = adds ? s[r][c] + m * static_cast<O>(kLog2E) : m;
      }
  }
  const int64_t rows = KeyRows ? p.keys : p.queries, columns = KeyRows ? p.queries : p.keys;
  const bool crosses =
      p.causal && (KeyRows ? row0 + P::kRows - 1 > column0 : column0 + P::kColumns - 1 > row0);
  if (row0 + P::kRows <= rows && column0 + P::kColumns <= columns && !crosses) return;
  const auto clamped = [](int64_t column) {
    return column < 0 ? 0 : column > P::kColumns ? P::kColumns : static_cast<int>(column);
  };
  const int last = clamped(columns - column0);
#pragma unroll
  for (int r = 0; r < P::kEach; ++r) {
    const int64_t row = row0 + P::row(r);
    const int begin = KeyRows && p.causal ? clamped(row - column0) : 0,
              until = !KeyRows && p.causal ? clamped(row - column0 + 1) : last,
              end = row >= rows    ? 0
                    : until < last ? until
                                   : last;
#pragma unroll
    for (int c = 0; c < P::kScores; ++c) {
      const int column = P::score_column(c);
      if (column < begin || column >= end) s[r][c] = -math::infinity<O>();
    }
  }
}

// ---- on the host

template <class T>
void find_vectors(AttentionMatrix& m, int64_t depth) {
  constexpr int64_t W = kVectorWidth<T>;
  m.vectors = reinterpret_cast<uintptr_t>(m.data) % 16 == 0 && depth % W == 0 && m.batch % W == 0 &&
              m.head % W == 0 && m.row % W == 0;
}

// Runs f<Narrow> for vectors of up to 64 elements, and where Wide's tiles are larger than this GPU's shared
// memory; else f<Wide>.
template <class Narrow, class Wide, class F>
void with_tiles(const AttentionPlan& p, size_t wide_bytes, const F& f) {
  const bool wide = (p.depth > Narrow::kWidth || p.value_depth > Narrow::kWidth) &&
                    wide_bytes <= properties().shared_memory_per_block_optin;
  if (wide)
    f.template operator()<Wide>();
  else
    f.template operator()<Narrow>();
}

}  // namespace
}  // namespace plait::cuda
