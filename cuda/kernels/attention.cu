// The forward pass. A block keeps a tile of queries and goes over the keys: products of the tile with a tile
// of keys, weights relative to the largest score so far (the sums are scaled down when it grows), products of
// the weights with a tile of values. While the tensor cores or multiply-adds work on keys, values are on
// their way, and the next keys while they work on values.
//
// Vectors longer than a tile is wide: queries and keys go through shared memory chunk by chunk, and each
// chunk of the result has its own blocks, which compute the scores again.
//
// Few queries of many keys (a decoder's next token) would leave most of the device idle: several blocks share
// the keys, each with a result of its own, and a second kernel puts these together.
#include "cuda/kernels/attention.cuh"

#include "cuda/device/reduce.cuh"
#include "cuda/kernels/visit_float.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

template <class P>
constexpr size_t kForwardShared = sizeof(typename P::T) *
                                  ((P::kRows + 2 * P::kColumns) * P::kPitch + P::kRows * P::kScorePitch);

// How keys are shared between blocks. The shares' results (shares, B, H, L, Ev), their rows padded to `row`
// elements, go to `results`, their lse to `lse`, unrounded; with one share, to the true ones.
struct KeyShares {
  int64_t count, keys;  // of each, in whole tiles
  int64_t row;
  void *results, *lse;
};
constexpr int64_t kPadding = 16;

template <class P>
__global__ void __launch_bounds__(P::kThreads, P::kBlocks)
    attention_kernel(const AttentionPlan p, const AttentionMatrix out, const KeyShares shares) {
  using T = typename P::T;
  using O = typename P::O;
  T* const q_tile = shared_memory<T>();
  T* const k_tile = q_tile + P::kRows * P::kPitch;
  T* const v_tile = k_tile + P::kColumns * P::kPitch;
  T* const weights = v_tile + P::kColumns * P::kPitch;

  uint32_t index = blockIdx.x;
  const int64_t tiles = ceil_div(p.queries, P::kRows);
  int64_t tile = take(index, tiles);
  if (p.causal) tile = tiles - 1 - tile;  // those with most keys first
  const int64_t out_chunk = take(index, chunks(p.value_depth, P::kWidth)), share = take(index, shares.count),
                head = take(index, p.heads), batch = index, key_head = head / (p.heads / p.key_heads),
                row0 = tile * P::kRows;
  const int64_t depth_chunks = chunks(p.depth, P::kWidth);
  const int64_t seen = p.causal && row0 + P::kRows < p.keys ? row0 + P::kRows : p.keys,
                begin = share * shares.keys, end = begin + shares.keys < seen ? begin + shares.keys : seen;

  const T* const q = at<T>(p.query, batch, head) + row0 * p.query.row;
  const T* const k = at<T>(p.key, batch, key_head);
  const T* const v = at<T>(p.value, batch, key_head) + out_chunk * P::kWidth;
  const auto load_chunk = [&](int64_t key0, int64_t c) {
    const int64_t from = c * P::kWidth;
    if (key0 == begin || depth_chunks > 1)
      load_tile<P, P::kRows>(q_tile, q + from, p.query.row, p.queries - row0, p.depth - from,
                             p.query.vectors);
    load_tile<P, P::kColumns>(k_tile, k + key0 * p.key.row + from, p.key.row, p.keys - key0, p.depth - from,
                              p.key.vectors);
  };

  O sums[P::kEach][P::kOuts], top[P::kEach], total[P::kEach];  // total: of this thread's columns
#pragma unroll
  for (int r = 0; r < P::kEach; ++r) {
    top[r] = -math::infinity<O>();
    total[r] = O(0);
#pragma unroll
    for (int c = 0; c < P::kOuts; ++c) sums[r][c] = O(0);
  }
  if (begin < end) load_chunk(begin, 0);
  for (int64_t key0 = begin; key0 < end; key0 += P::kColumns) {
    O s[P::kEach][P::kScores];
#pragma unroll
    for (int r = 0; r < P::kEach; ++r)
#pragma unroll
      for (int c = 0; c < P::kScores; ++c) s[r][c] = O(0);
    for (int64_t c = 0; c < depth_chunks; ++c) {
      if (c == 0 && p.mask_kind != AttentionPlan::None) {
        __syncthreads();  // nobody needs the last weights
        load_mask<P, false>(weights, p, batch, head, row0, key0);
      }
      wait_for_copies();
      __syncthreads();  // keys are here, and nobody needs the last values
      if (c == depth_chunks - 1)
        load_tile<P, P::kColumns>(v_tile, v + key0 * p.value.row, p.value.row, p.keys - key0,
                                  p.value_depth - out_chunk * P::kWidth, p.value.vectors);
      P::multiply_rows(s, q_tile, k_tile, chunk_depth<P>(p.depth, c));
      if (c < depth_chunks - 1) {
        __syncthreads();
        load_chunk(key0, c + 1);
      }
    }
    finish_scores<P, false>(s, p, weights, row0, key0);
#pragma unroll
    for (int r = 0; r < P::kEach; ++r) {
      O most = top[r];
#pragma unroll
      for (int c = 0; c < P::kScores; ++c) most = s[r][c] > most ? s[r][c] : most;
      most = warp_all(most, P::kRowLanes, MaxValues{});
      const O shift = most == -math::infinity<O>() ? O(0) : most;
      const O factor = power_of_two(top[r] - shift);
      top[r] = most;
      total[r] *= factor;
#pragma unroll
      for (int c = 0; c < P::kScores; ++c) {
        s[r][c] = power_of_two(s[r][c] - shift);
        total[r] += s[r][c];
      }
#pragma unroll
      for (int c = 0; c < P::kOuts; ++c) sums[r][c] *= factor;
    }
    P::write_scores(weights, s);
    wait_for_copies();
    __syncthreads();  // values are here, and nobody needs these keys
    if (key0 + P::kColumns < end) load_chunk(key0 + P::kColumns, 0);
    P::multiply(sums, weights, v_tile);
  }

  const int64_t queries = p.batches * p.heads * p.queries,
                first = share * queries + (batch * p.heads + head) * p.queries + row0;
#pragma unroll
  for (int r = 0; r < P::kEach; ++r) {
    total[r] = warp_all(total[r], P::kRowLanes, AddValues{});
    if (out_chunk == 0 && P::lane() % P::kRowLanes == 0 && row0 + P::row(r) < p.queries)
      static_cast<O*>(shares.lse)[first + P::row(r)] =
          total[r] == O(0) ? math::infinity<O>() : (top[r] + math::log2(total[r])) * static_cast<O>(kLn2);
  }
  const auto factor = [&](int r) { return total[r] == O(0) ? O(0) : O(1) / total[r]; };
  const int64_t column0 = out_chunk * P::kWidth;
  if (shares.count == 1)
    return store_tile<P>(at<T>(out, batch, head) + row0 * out.row + column0, out.row, p.queries - row0,
                         p.value_depth - column0, out.vectors, q_tile, sums, factor);
#pragma unroll
  for (int r = 0; r < P::kEach; ++r) {
    if (row0 + P::row(r) >= p.queries) continue;
    O* const to = static_cast<O*>(shares.results) + (first + P::row(r)) * shares.row + column0;
    const O scale = factor(r);
#pragma unroll
    for (int c = 0; c < P::kOuts; c += P::kRun) {
      Vector<O, P::kRun> part;
#pragma unroll
      for (int i = 0; i < P::kRun; ++i) part.at[i] = sums[r][c + i] * scale;
      if (column0 + P::out_column(c) < shares.row)
        *reinterpret_cast<Vector<O, P::kRun>*>(to + P::out_column(c)) = part;
    }
  }
}

// Results of shares of the keys, weighted by their sums. A warp a query.
constexpr int kJoinWarps = 4;

template <class T>
__global__ void __launch_bounds__(kJoinWarps* kWarp)
    join_shares(const AttentionPlan p, const AttentionMatrix out, const KeyShares shares, opmath_t<T>* lse) {
  using O = opmath_t<T>;
  const int64_t queries = p.batches * p.heads * p.queries,
                row = static_cast<int64_t>(blockIdx.x) * kJoinWarps + threadIdx.y;
  if (row >= queries) return;
  const O* const sums = static_cast<const O*>(shares.lse) + row;
  const O* const from = static_cast<const O*>(shares.results) + row * shares.row;
  // A share where no key counts has an infinite sum, and no weight.
  const auto log_sum = [&](int64_t i) {
    const O sum = sums[i * queries];
    return sum == math::infinity<O>() ? -sum : sum;
  };
  O top = -math::infinity<O>(), total = 0;
  for (int64_t i = 0; i < shares.count; ++i) top = log_sum(i) > top ? log_sum(i) : top;
  if (top == -math::infinity<O>()) top = 0;
  const auto weight = [&](int64_t i) { return power_of_two((log_sum(i) - top) * static_cast<O>(kLog2E)); };
  for (int64_t i = 0; i < shares.count; ++i) total += weight(i);
  if (threadIdx.x == 0) lse[row] = total == O(0) ? math::infinity<O>() : top + math::log(total);

  const O factor = total == O(0) ? O(0) : O(1) / total;
  T* const to = at<T>(out, row / p.queries / p.heads, row / p.queries % p.heads) + row % p.queries * out.row;
  for (int64_t c = threadIdx.x; c < p.value_depth; c += kWarp) {
    O sum = 0;
    for (int64_t i = 0; i < shares.count; ++i) sum += weight(i) * from[i * queries * shares.row + c];
    to[c] = from_op<T>(sum * factor);
  }
}

// As many as fill the device, each of some tiles of keys.
template <class P>
KeyShares shares_of(const AttentionPlan& p, int64_t blocks) {
  constexpr int64_t kLeast = 4 * P::kColumns;
  const int64_t wanted = properties().multiprocessors * P::kBlocks / (blocks > 0 ? blocks : 1);
  const int64_t most = ceil_div(p.keys, kLeast), count = wanted < most ? wanted : most;
  if (count < 2) return {1, p.keys, 0, nullptr, nullptr};
  const int64_t keys = ceil_div(ceil_div(p.keys, count), P::kColumns) * P::kColumns;
  return {ceil_div(p.keys, keys), keys, ceil_div(p.value_depth, kPadding) * kPadding, nullptr, nullptr};
}

template <class P>
void run(const AttentionPlan& p, const AttentionMatrix& out, void* lse) {
  using T = typename P::T;
  using O = typename P::O;
  const int64_t blocks =
      ceil_div(p.queries, P::kRows) * chunks(p.value_depth, P::kWidth) * p.heads * p.batches;
  KeyShares shares = shares_of<P>(p, blocks);
  allow_shared<attention_kernel<P>>(kForwardShared<P>);
  const auto go = [&] {
    launch(attention_kernel<P>,
           {dim3(static_cast<unsigned>(blocks * shares.count)), dim3(P::kThreads), kForwardShared<P>}, p, out,
           shares);
  };
  if (shares.count == 1) {
    shares.lse = lse;
    return go();
  }
  const int64_t queries = p.batches * p.heads * p.queries, numbers = shares.count * queries;
  const Workspace results(static_cast<size_t>(numbers * (shares.row + 1)) * sizeof(O));
  shares.results = results.as<O>();
  shares.lse = results.as<O>() + numbers * shares.row;
  go();
  launch(join_shares<T>,
         {dim3(static_cast<unsigned>(ceil_div(queries, kJoinWarps))), dim3(kWarp, kJoinWarps)}, p, out,
         shares, static_cast<O*>(lse));
}

// Registers are spent on sums: 64 to 128 a thread, so that shared memory keeps up with the arithmetic.
template <class T>
struct ForwardTiles {
  using Narrow = TensorTiles<T, 2, 4, 64, 64, 2>;
  using Wide = TensorTiles<T, 2, 4, 32, 128, 2>;
};
template <>
struct ForwardTiles<float> {
  using Narrow = ScalarTiles<float, 8, 4, 64, 64, 3>;
  using Wide = ScalarTiles<float, 8, 8, 64, 128, 1>;
};
template <>
struct ForwardTiles<double> {
  using Narrow = ScalarTiles<double, 4, 4, 32, 64, 2>;
  using Wide = Narrow;
};

}  // namespace

void attention(const AttentionPlan& plan, const AttentionMatrix& to, void* lse) {
  visit_float(plan.dtype, [&]<class T>() {
    AttentionPlan p = plan;
    AttentionMatrix out = to;
    find_vectors<T>(p.query, p.depth);
    find_vectors<T>(p.key, p.depth);
    find_vectors<T>(p.value, p.value_depth);
    find_vectors<T>(out, p.value_depth);
    using Tiles = ForwardTiles<T>;
    with_tiles<typename Tiles::Narrow, typename Tiles::Wide>(p, kForwardShared<typename Tiles::Wide>,
                                                             [&]<class P>() { run<P>(p, out, lse); });
  });
}

}  // namespace plait::cuda
