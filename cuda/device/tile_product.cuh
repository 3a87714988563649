// The tile of a matrix product whose operands are given by functions: of matrices (kernels/gemm.cu), or of
// the patches of a convolution (kernels/conv.cu). A block of 16 x 16 threads computes 64 x 64 elements, four
// by four a thread, from tiles in shared memory.
#pragma once

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

constexpr int kTileThreads = 16, kTileEach = 4, kTile = kTileThreads * kTileEach;

// What products are summed in: 16-bit floats in float, integers in their own ring (they wrap).
template <class T>
using sum_t = opmath_t<T>;

// store(row, column, sum) for the tile at (row0, column0) of the product of a (m, k) and b (k, n). a(row, k)
// and b(k, column) are read inside of the matrices only. `a_along_k`, `b_along_k`: do neighbours along k lie
// side by side in memory?
template <class T, class A, class B, class Store>
__device__ void tile_product(int64_t m, int64_t n, int64_t depth, int64_t row0, int64_t column0,
                             bool a_along_k, bool b_along_k, const A& a, const B& b, const Store& store) {
  using S = sum_t<T>;
  constexpr int kDepth = sizeof(T) >= 16 ? 8 : 16;
  __shared__ S a_tile[kDepth][kTile + 1];
  __shared__ S b_tile[kDepth][kTile + 1];
  const int tid = static_cast<int>(threadIdx.y) * kTileThreads + static_cast<int>(threadIdx.x);
  S sums[kTileEach][kTileEach];
#pragma unroll
  for (int i = 0; i < kTileEach; ++i)
#pragma unroll
    for (int j = 0; j < kTileEach; ++j) sums[i][j] = S(0);
  for (int64_t k0 = 0; k0 < depth; k0 += kDepth) {
    for (int e = tid; e < kDepth * kTile; e += kTileThreads * kTileThreads) {
      const int k = a_along_k ? e % kDepth : e / kTile, i = a_along_k ? e / kDepth : e % kTile;
      a_tile[k][i] = row0 + i < m && k0 + k < depth ? a(row0 + i, k0 + k) : S(0);
    }
    for (int e = tid; e < kDepth * kTile; e += kTileThreads * kTileThreads) {
      const int k = b_along_k ? e % kDepth : e / kTile, j = b_along_k ? e / kDepth : e % kTile;
      b_tile[k][j] = column0 + j < n && k0 + k < depth ? b(k0 + k, column0 + j) : S(0);
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      S x[kTileEach], y[kTileEach];
#pragma unroll
      for (int i = 0; i < kTileEach; ++i) x[i] = a_tile[k][threadIdx.y + i * kTileThreads];
#pragma unroll
      for (int j = 0; j < kTileEach; ++j) y[j] = b_tile[k][threadIdx.x + j * kTileThreads];
#pragma unroll
      for (int i = 0; i < kTileEach; ++i)
#pragma unroll
        for (int j = 0; j < kTileEach; ++j) sums[i][j] = static_cast<S>(sums[i][j] + x[i] * y[j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kTileEach; ++i)
#pragma unroll
    for (int j = 0; j < kTileEach; ++j) {
      const int64_t row = row0 + threadIdx.y + i * kTileThreads,
                    column = column0 + threadIdx.x + j * kTileThreads;
      if (row < m && column < n) store(row, column, sums[i][j]);
    }
}

// Blocks along columns and batches are limited to 65535 by the hardware: kernels walk on from there.
constexpr int64_t kMostBlocks = 65535;
inline dim3 tile_grid(int64_t m, int64_t n, int64_t batches) {
  const int64_t columns = ceil_div(n, kTile);
  return dim3(static_cast<unsigned>(ceil_div(m, kTile)),
              static_cast<unsigned>(columns < kMostBlocks ? columns : kMostBlocks),
              static_cast<unsigned>(batches < kMostBlocks ? batches : kMostBlocks));
}

}  // namespace plait::cuda
