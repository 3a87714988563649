// Scans of lines by any associative function F:
//
//   struct F {
//     using Acc = ...;                               // whole 4-byte words
//     Acc identity() const;                          // what changes nothing that comes after it
//     Acc combine(const Acc& a, const Acc& b) const; // a comes before b
//     Acc load(int64_t first, int64_t step, int64_t i, int64_t n) const;
//     void store(const Acc&, int64_t first, int64_t step, int64_t i, int64_t n) const;
//   };
//
// load and store are given a line's first element, the distance of its elements, and which of n is meant.
//
// Along the last dimension a block has a row: a warp takes 32 elements at a time, four loads on their way,
// scans them by shuffles, and what the warps before it have is added through shared memory. Few long rows are
// cut into pieces for several blocks: one launch finds the pieces' totals, a second one scans (x is read
// twice, in place of once with blocks that wait for each other; the order of the additions, and so the
// result, does not change from run to run). Along other dimensions, and for rows of a few elements, a thread
// has a line.
#pragma once

#include "cuda/device/reduce.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace detail {

constexpr int kScanWarps = 8, kScanUnroll = 4;
constexpr int kLineThreads = 128;

template <class F>
__global__ void __launch_bounds__(kLineThreads)
    scan_lines(const F f, int64_t lines, int64_t n, int64_t inner) {
  const int64_t line = static_cast<int64_t>(blockIdx.x) * kLineThreads + threadIdx.x;
  if (line >= lines) return;
  const int64_t first = line / inner * n * inner + line % inner;
  auto acc = f.identity();
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    typename F::Acc next[4];
#pragma unroll
    for (int u = 0; u < 4; ++u) next[u] = f.load(first, inner, i + u, n);
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      acc = f.combine(acc, next[u]);
      f.store(acc, first, inner, i + u, n);
    }
  }
  for (; i < n; ++i) {
    acc = f.combine(acc, f.load(first, inner, i, n));
    f.store(acc, first, inner, i, n);
  }
}

// Scans `count` values that load(i) gives, from `carry` on; store(i, value). The total is everybody's.
template <class F, class Load, class Store>
__device__ __forceinline__ typename F::Acc scan_block(const F& f, typename F::Acc carry, int64_t count,
                                                      typename F::Acc* shared, const Load& load,
                                                      const Store& store) {
  using Acc = typename F::Acc;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp,
            warps = static_cast<int>(blockDim.x) / kWarp;
  for (int64_t begin = 0; begin < count; begin += blockDim.x * kScanUnroll) {
    const int64_t own = begin + warp * (kWarp * kScanUnroll) + lane;
    Acc values[kScanUnroll];
#pragma unroll
    for (int u = 0; u < kScanUnroll; ++u)
      values[u] = own + u * kWarp < count ? load(own + u * kWarp) : f.identity();
    Acc sum = f.identity();
#pragma unroll
    for (int u = 0; u < kScanUnroll; ++u) {
#pragma unroll
      for (int by = 1; by < kWarp; by *= 2) {
        const Acc before = shuffle_up(values[u], by);
        if (lane >= by) values[u] = f.combine(before, values[u]);
      }
      values[u] = f.combine(sum, values[u]);
      sum = shuffle_from(values[u], kWarp - 1);
    }
    if (warps > 1) {
      if (lane == 0) shared[warp] = sum;
      __syncthreads();
      Acc before = carry;
      for (int w = 0; w < warps; ++w) {
        if (w == warp) before = carry;
        carry = f.combine(carry, shared[w]);
      }
      __syncthreads();
#pragma unroll
      for (int u = 0; u < kScanUnroll; ++u)
        if (own + u * kWarp < count) store(own + u * kWarp, f.combine(before, values[u]));
    } else {
#pragma unroll
      for (int u = 0; u < kScanUnroll; ++u)
        if (own + u * kWarp < count) store(own + u * kWarp, f.combine(carry, values[u]));
      carry = f.combine(carry, sum);
    }
  }
  return carry;
}

// Pieces of `piece` elements of rows of n. At first only the pieces' totals are found.
template <class F>
__global__ void __launch_bounds__(kScanWarps* kWarp)
    scan_rows(const F f, int64_t n, int64_t piece, int64_t pieces, typename F::Acc* totals,
              bool only_totals) {
  using Acc = typename F::Acc;
  alignas(16) __shared__ unsigned char memory[kScanWarps * sizeof(Acc)];
  Acc* shared = reinterpret_cast<Acc*>(memory);
  const int64_t row = blockIdx.x / pieces, which = blockIdx.x % pieces, begin = which * piece;
  const int64_t count = n - begin < piece ? n - begin : piece, first = row * n;
  Acc carry = f.identity();
  if (!only_totals) {
#pragma unroll 4
    for (int64_t i = 0; i < which; ++i) carry = f.combine(carry, totals[row * pieces + i]);
  }
  carry = scan_block(
      f, carry, count, shared, [&](int64_t i) { return f.load(first, 1, begin + i, n); },
      [&](int64_t i, const Acc& value) {
        if (!only_totals) f.store(value, first, 1, begin + i, n);
      });
  if (only_totals && threadIdx.x == 0) totals[blockIdx.x] = carry;
}

}  // namespace detail

template <class F>
void run_scan(const F& f, int64_t outer, int64_t n, int64_t inner) {
  using namespace detail;
  using Acc = typename F::Acc;
  if (outer * n * inner == 0) return;
  if (inner > 1 || n <= 32) {
    const int64_t lines = outer * inner;
    return launch(scan_lines<F>,
                  {dim3(static_cast<unsigned>(ceil_div(lines, kLineThreads))), dim3(kLineThreads)}, f, lines,
                  n, inner);
  }
  constexpr int64_t kTile = kWarp * kScanUnroll;
  const int64_t needed = ceil_div(n, kTile), warps = needed < kScanWarps ? needed : kScanWarps;
  const dim3 block(static_cast<unsigned>(warps * kWarp));
  int64_t pieces = 1;
  const int64_t wanted = 2 * properties().multiprocessors;
  if (outer < wanted) {
    const int64_t most = needed / (4 * kScanWarps);  // four tiles a piece at least
    pieces = ceil_div(wanted, outer);
    pieces = pieces < most ? pieces : most > 1 ? most : 1;
  }
  const int64_t tile = kTile * warps, piece = ceil_div(ceil_div(n, pieces), tile) * tile;
  pieces = ceil_div(n, piece);
  const dim3 grid(static_cast<unsigned>(outer * pieces));
  if (pieces == 1)
    return launch(scan_rows<F>, {grid, block}, f, n, piece, pieces, static_cast<Acc*>(nullptr), false);
  const Workspace totals(static_cast<size_t>(outer * pieces) * sizeof(Acc));
  launch(scan_rows<F>, {grid, block}, f, n, piece, pieces, totals.as<Acc>(), true);
  launch(scan_rows<F>, {grid, block}, f, n, piece, pieces, totals.as<Acc>(), false);
}

}  // namespace plait::cuda
