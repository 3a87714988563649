// The backward pass, without atomics: a kernel whose blocks own tiles of queries sums up dq, one whose blocks
// own tiles of keys sums up dk and dv, over all queries and all heads that share these keys. Both compute the
// weights again from the scores and lse:
//
//   P = 2^(scores - lse),  dP = grad value',  dS = P (dP - delta),  delta = the sums of grad * out by rows,
//   dv = P' grad,  dk = dS' query scale,  dq = dS key scale.
//
// It is one template: seen from the keys' side it has the transposed scores, so that a warp's rows are its
// own in either case.
#include "cuda/kernels/attention.cuh"

#include "cuda/device/reduce.cuh"
#include "cuda/kernels/visit_float.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

struct BackwardArgs {
  AttentionPlan p;
  AttentionMatrix grad, dq, dk, dv;
  const void *lse, *delta;  // (B, H, L)
};

template <class P>
constexpr size_t kBackwardShared = sizeof(typename P::T) * (2 * (P::kRows + P::kColumns) * P::kPitch +
                                                            P::kRows * P::kScorePitch) +
                                   sizeof(typename P::O) * 2 *
                                       (P::kRows > P::kColumns ? P::kRows : P::kColumns);

template <int N, int M, class O>
__device__ __forceinline__ void clear(O (&sums)[N][M]) {
#pragma unroll
  for (int i = 0; i < N; ++i)
#pragma unroll
    for (int j = 0; j < M; ++j) sums[i][j] = O(0);
}

template <class P, bool KeyRows>
__global__ void __launch_bounds__(P::kThreads, P::kBlocks) attention_grad_kernel(const BackwardArgs args) {
  using T = typename P::T;
  using O = typename P::O;
  const AttentionPlan& p = args.p;
  // Of the rows: queries and gradients (keys and values with KeyRows); of the columns: the others.
  T* const row_tile = shared_memory<T>();
  T* const row_tile2 = row_tile + P::kRows * P::kPitch;
  T* const column_tile = row_tile2 + P::kRows * P::kPitch;
  T* const column_tile2 = column_tile + P::kColumns * P::kPitch;
  T* const scores = column_tile2 + P::kColumns * P::kPitch;
  O* const lse = reinterpret_cast<O*>(scores + P::kRows * P::kScorePitch);
  constexpr int kQueries = KeyRows ? P::kColumns : P::kRows;
  O* const delta = lse + kQueries;

  const int64_t rows = KeyRows ? p.keys : p.queries, columns = KeyRows ? p.queries : p.keys;
  const int64_t chunks1 = chunks(p.depth, P::kWidth), chunks2 = chunks(p.value_depth, P::kWidth),
                turns = chunks1 > chunks2 ? chunks1 : chunks2;
  uint32_t index = blockIdx.x;
  const int64_t tiles = ceil_div(rows, P::kRows);
  int64_t tile = take(index, tiles);
  if (p.causal && !KeyRows) tile = tiles - 1 - tile;  // those with most columns first
  const int64_t own = take(index, KeyRows ? turns : chunks1),
                row_head = take(index, KeyRows ? p.key_heads : p.heads), batch = index,
                row0 = tile * P::kRows, group = p.heads / p.key_heads;

  const AttentionMatrix &m1 = KeyRows ? p.key : p.query, &m2 = KeyRows ? p.value : args.grad,
                        &n1 = KeyRows ? p.query : p.key, &n2 = KeyRows ? args.grad : p.value;
  const T* const rows1 = at<T>(m1, batch, row_head) + row0 * m1.row;
  const T* const rows2 = at<T>(m2, batch, row_head) + row0 * m2.row;
  // What a query needs besides: its lse and delta, of `kQueries` from `query0` on.
  const auto load_queries = [&](int64_t head, int64_t query0) {
    const int64_t from = (batch * p.heads + head) * p.queries + query0;
    for (int i = static_cast<int>(threadIdx.x); i < kQueries; i += P::kThreads) {
      const bool inside = query0 + i < p.queries;
      lse[i] =
          inside ? static_cast<const O*>(args.lse)[from + i] * static_cast<O>(kLog2E) : math::infinity<O>();
      delta[i] = inside ? static_cast<const O*>(args.delta)[from + i] : O(0);
    }
  };
  if (!KeyRows) load_queries(row_head, row0);

  O sums1[P::kEach][P::kOuts], sums2[P::kEach][KeyRows ? P::kOuts : 1];  // of dq or dk, of dv
  clear(sums1);
  clear(sums2);
  const int64_t begin = KeyRows && p.causal ? row0 / P::kColumns * P::kColumns : 0,
                end = !KeyRows && p.causal && row0 + P::kRows < columns ? row0 + P::kRows : columns,
                heads = KeyRows ? group : 1;
  bool first = true;
  for (int64_t member = 0; member < heads; ++member) {
    const int64_t head = KeyRows ? row_head * group + member : row_head,
                  column_head = KeyRows ? head : head / group;
    for (int64_t column0 = begin; column0 < end; column0 += P::kColumns) {
      const T* const columns1 = at<T>(n1, batch, column_head) + column0 * n1.row;
      const T* const columns2 = at<T>(n2, batch, column_head) + column0 * n2.row;
      O s[P::kEach][P::kScores], ds[P::kEach][P::kScores];
      clear(s);
      clear(ds);
      // The chunk that this block has the result of comes last, and stays in the column tiles.
      for (int64_t turn = 0; turn < turns; ++turn) {
        const int64_t turn1 = turn - (turns - chunks1), turn2 = turn - (turns - chunks2);
        const int64_t c1 = (own + 1 + turn1) % chunks1, c2 = (own + 1 + turn2) % chunks2;
        __syncthreads();  // nobody needs the last tiles
        if (turn1 >= 0) {
          const int64_t from = c1 * P::kWidth;
          if (first || chunks1 > 1)
            load_tile<P, P::kRows>(row_tile, rows1 + from, m1.row, rows - row0, p.depth - from, m1.vectors);
          load_tile<P, P::kColumns>(column_tile, columns1 + from, n1.row, columns - column0, p.depth - from,
                                    n1.vectors);
        }
        if (turn2 >= 0) {
          const int64_t from = c2 * P::kWidth;
          if (first || chunks2 > 1)
            load_tile<P, P::kRows>(row_tile2, rows2 + from, m2.row, rows - row0, p.value_depth - from,
                                   m2.vectors);
          load_tile<P, P::kColumns>(column_tile2, columns2 + from, n2.row, columns - column0,
                                    p.value_depth - from, n2.vectors);
        }
        if (KeyRows && turn == 0) load_queries(head, column0);
        if (turn == 0 && p.mask_kind != AttentionPlan::None)
          load_mask<P, KeyRows>(scores, p, batch, head, row0, column0);
        wait_for_copies();
        __syncthreads();
        if (turn1 >= 0) P::multiply_rows(s, row_tile, column_tile, chunk_depth<P>(p.depth, c1));
        if (turn2 >= 0) P::multiply_rows(ds, row_tile2, column_tile2, chunk_depth<P>(p.value_depth, c2));
      }
      first = false;
      finish_scores<P, KeyRows>(s, p, scores, row0, column0);
#pragma unroll
      for (int r = 0; r < P::kEach; ++r)
#pragma unroll
        for (int c = 0; c < P::kScores; ++c) {
          const int query = KeyRows ? P::score_column(c) : P::row(r);
          s[r][c] = power_of_two(s[r][c] - lse[query]);
          ds[r][c] = s[r][c] * (ds[r][c] - delta[query]);
        }
      if constexpr (KeyRows) {
        P::write_scores(scores, s);
        __syncwarp();
        P::multiply(sums2, scores, column_tile2);
        __syncwarp();
      }
      P::write_scores(scores, ds);
      __syncwarp();
      P::multiply(sums1, scores, column_tile);
    }
  }

  const AttentionMatrix& to1 = KeyRows ? args.dk : args.dq;
  const int64_t from = own * P::kWidth;
  const O scale = static_cast<O>(p.scale);
  if (own < chunks1)
    store_tile<P>(at<T>(to1, batch, row_head) + row0 * to1.row + from, to1.row, rows - row0, p.depth - from,
                  to1.vectors, row_tile, sums1, [=](int) { return scale; });
  if constexpr (KeyRows)
    if (own < chunks2)
      store_tile<P>(at<T>(args.dv, batch, row_head) + row0 * args.dv.row + from, args.dv.row, rows - row0,
                    p.value_depth - from, args.dv.vectors, row_tile2, sums2, [](int) { return O(1); });
}

// A warp a query.
constexpr int kDeltaWarps = 8;

template <class T>
__global__ void __launch_bounds__(kDeltaWarps* kWarp)
    attention_delta(const AttentionPlan p, const AttentionMatrix grad, const AttentionMatrix out,
                    opmath_t<T>* delta) {
  using O = opmath_t<T>;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kDeltaWarps + threadIdx.y;
  if (row >= p.batches * p.heads * p.queries) return;
  const int64_t query = row % p.queries, head = row / p.queries % p.heads, batch = row / p.queries / p.heads;
  const T* const g = at<T>(grad, batch, head) + query * grad.row;
  const T* const o = at<T>(out, batch, head) + query * out.row;
  O sum = 0;
  if (grad.vectors && out.vectors) {
    using V = Vector<T, kVectorWidth<T>>;
    for (int64_t i = threadIdx.x * kVectorWidth<T>; i < p.value_depth; i += kWarp * kVectorWidth<T>) {
      const V a = *reinterpret_cast<const V*>(g + i), b = *reinterpret_cast<const V*>(o + i);
#pragma unroll
      for (int e = 0; e < kVectorWidth<T>; ++e) sum += to_op(a.at[e]) * to_op(b.at[e]);
    }
  } else {
    for (int64_t i = threadIdx.x; i < p.value_depth; i += kWarp) sum += to_op(g[i]) * to_op(o[i]);
  }
  sum = warp_all(sum, kWarp, AddValues{});
  if (threadIdx.x == 0) delta[row] = sum;
}

template <class P, bool KeyRows>
void run(const BackwardArgs& args) {
  const AttentionPlan& p = args.p;
  const int64_t chunks1 = chunks(p.depth, P::kWidth), chunks2 = chunks(p.value_depth, P::kWidth);
  const int64_t blocks =
      KeyRows ? ceil_div(p.keys, P::kRows) * (chunks1 > chunks2 ? chunks1 : chunks2) * p.key_heads * p.batches
              : ceil_div(p.queries, P::kRows) * chunks1 * p.heads * p.batches;
  allow_shared<attention_grad_kernel<P, KeyRows>>(kBackwardShared<P>);
  launch(attention_grad_kernel<P, KeyRows>,
         {dim3(static_cast<unsigned>(blocks)), dim3(P::kThreads), kBackwardShared<P>}, args);
}

template <class T>
struct BackwardTiles {
  using Narrow = TensorTiles<T, 1, 4, 64, 64, 2>;
  using Wide = TensorTiles<T, 1, 4, 32, 128, 2>;
};
template <>
struct BackwardTiles<float> {
  using Narrow = ScalarTiles<float, 4, 8, 64, 64, 2>;
  using Wide = ScalarTiles<float, 4, 8, 64, 128, 1>;
};
template <>
struct BackwardTiles<double> {
  using Narrow = ScalarTiles<double, 4, 4, 32, 64, 2>;
  using Wide = Narrow;
};

}  // namespace

void attention_backward(const AttentionPlan& plan, const AttentionMatrix& grad, const AttentionMatrix& out,
                        const void* lse, const AttentionMatrix& dq, const AttentionMatrix& dk,
                        const AttentionMatrix& dv) {
  visit_float(plan.dtype, [&]<class T>() {
    using O = opmath_t<T>;
    const int64_t queries = plan.batches * plan.heads * plan.queries;
    const Workspace delta(static_cast<size_t>(queries > 0 ? queries : 1) * sizeof(O));
    BackwardArgs args{plan, grad, dq, dk, dv, lse, delta.data()};
    AttentionMatrix result = out;
    for (AttentionMatrix* m : {&args.p.query, &args.p.key, &args.dq, &args.dk})
      find_vectors<T>(*m, plan.depth);
    for (AttentionMatrix* m : {&args.p.value, &args.grad, &args.dv, &result})
      find_vectors<T>(*m, plan.value_depth);
    launch(attention_delta<T>,
           {dim3(static_cast<unsigned>(ceil_div(queries, kDeltaWarps))), dim3(kWarp, kDeltaWarps)}, args.p,
           args.grad, result, delta.as<O>());
    using Tiles = BackwardTiles<T>;
    with_tiles<typename Tiles::Narrow, typename Tiles::Wide>(plan, kBackwardShared<typename Tiles::Wide>,
                                                             [&]<class P>() {
                                                               run<P, false>(args);
                                                               run<P, true>(args);
                                                             });
  });
}

}  // namespace plait::cuda
