// The products of attention's tiles, which lie in shared memory, by two kinds of arithmetic with one
// interface:
//
//   ScalarTiles   float and double
//   TensorTiles   the 16-bit floats, on the tensor cores
//
// A block holds a tile of kRows rows of scores, of kColumns columns at a time. A warp owns whole rows, and
// kRowLanes neighbouring lanes share one; a thread holds kEach rows, of each kScores scores and kOuts sums of
// the result, which is kWidth wide. row(), score_column() and out_column() tell which. Longer vectors than
// kWidth are worked on in chunks.
//
// Tiles of vectors have rows of kPitch elements, tiles of scores of kScorePitch: 16 bytes more than they
// hold, so that lanes that read neighbouring rows find them in other banks.
#pragma once

#include "cuda/device/async_copy.cuh"
#include "cuda/device/tensor_core.cuh"

namespace plait::cuda {

template <class T_, int Warps, int Columns, int Width, int Blocks>
struct TilesBase {
  using T = T_;
  using O = opmath_t<T>;
  static constexpr int kThreads = Warps * kWarp, kBlocks = Blocks, kColumns = Columns, kWidth = Width;
  static constexpr int kVector = kVectorWidth<T>, kPitch = Width + kVector, kScorePitch = Columns + kVector;

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  static __device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x) / kWarp; }
};

// ---- multiply-adds

// A warp has 2 x 16 lanes. A thread reads `Each` + kScores vectors for Each * kScores * kVector
// multiply-adds: shared memory gives 4 bytes a lane and cycle, as many as there are multiply-adds for.
template <class T, int Each, int Warps, int Columns, int Width, int Blocks>
struct ScalarTiles : TilesBase<T, Warps, Columns, Width, Blocks> {
  using Base = TilesBase<T, Warps, Columns, Width, Blocks>;
  using Base::kVector, Base::kPitch, Base::kScorePitch, Base::lane, Base::warp;
  using V = Vector<T, kVector>;
  static_assert(Each % 4 == 0 && std::is_floating_point_v<T>);
  static constexpr int kEach = Each, kRows = 2 * Each * Warps, kRowLanes = 16, kScores = Columns / kRowLanes,
                       kOuts = Width / kRowLanes, kStep = kVector, kRun = kVector;

  // Rows of the two halves of a warp are 4 apart, 16 banks of a tile of scores.
  static __device__ __forceinline__ int row(int r) {
    return warp() * 2 * Each + lane() / kRowLanes * 4 + r / 4 * 8 + r % 4;
  }
  static __device__ __forceinline__ int score_column(int c) { return lane() % kRowLanes + c * kRowLanes; }
  static __device__ __forceinline__ int out_column(int c) {
    return (c / kVector * kRowLanes + lane() % kRowLanes) * kVector + c % kVector;
  }
  static __device__ __forceinline__ V read(const T* from) { return *reinterpret_cast<const V*>(from); }

  // sums(i, j) += sum over k < depth of a(i, k) b(j, k); depth in steps of kStep.
  static __device__ __forceinline__ void multiply_rows(T (&sums)[kEach][kScores], const T* a, const T* b,
                                                       int depth) {
    a += row(0) * kPitch;
    b += score_column(0) * kPitch;
#pragma unroll 1
    for (int k = 0; k < depth; k += kVector) {
      V y[kScores];
#pragma unroll
      for (int c = 0; c < kScores; ++c) y[c] = read(b + c * kRowLanes * kPitch + k);
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        const V x = read(a + (r / 4 * 8 + r % 4) * kPitch + k);
#pragma unroll
        for (int i = 0; i < kVector; ++i)
#pragma unroll
          for (int c = 0; c < kScores; ++c) sums[r][c] += x.at[i] * y[c].at[i];
      }
    }
  }

  // sums(i, j) += sum over k < kColumns of scores(i, k) b(k, j).
  static __device__ __forceinline__ void multiply(T (&sums)[kEach][kOuts], const T* scores, const T* b) {
    scores += row(0) * kScorePitch;
    b += out_column(0);
#pragma unroll 1
    for (int k = 0; k < Columns; k += kVector) {
      V y[kVector][kOuts / kVector];
#pragma unroll
      for (int i = 0; i < kVector; ++i)
#pragma unroll
        for (int c = 0; c < kOuts / kVector; ++c)
          y[i][c] = read(b + (k + i) * kPitch + c * kRowLanes * kVector);
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        const V x = read(scores + (r / 4 * 8 + r % 4) * kScorePitch + k);
#pragma unroll
        for (int i = 0; i < kVector; ++i)
#pragma unroll
          for (int c = 0; c < kOuts; ++c) sums[r][c] += x.at[i] * y[i][c / kVector].at[c % kVector];
      }
    }
  }

  static __device__ __forceinline__ void write_scores(T* to, const T (&scores)[kEach][kScores]) {
#pragma unroll
    for (int r = 0; r < kEach; ++r)
#pragma unroll
      for (int c = 0; c < kScores; ++c) to[row(r) * kScorePitch + score_column(c)] = scores[r][c];
  }
};

// ---- tensor cores

// A warp has `Down` tiles of 16 rows below each other, which share what is read of the other operand.
template <class T, int Down, int Warps, int Columns, int Width, int Blocks>
struct TensorTiles : TilesBase<T, Warps, Columns, Width, Blocks> {
  using Base = TilesBase<T, Warps, Columns, Width, Blocks>;
  using Base::kPitch, Base::kScorePitch, Base::lane, Base::warp;
  static_assert(is_16bit_float<T> && Columns % 16 == 0 && Width % 16 == 0);
  static constexpr int kEach = 2 * Down, kRows = 16 * Down * Warps, kRowLanes = 4,
                       kScores = Columns / kRowLanes, kOuts = Width / kRowLanes, kStep = 16, kRun = 2;

  static __device__ __forceinline__ int row(int r) {
    return (warp() * Down + r / 2) * 16 + r % 2 * 8 + lane() / kRowLanes;
  }
  static __device__ __forceinline__ int score_column(int c) {
    return c / 2 * 8 + lane() % kRowLanes * 2 + c % 2;
  }
  static __device__ __forceinline__ int out_column(int c) { return score_column(c); }

  // The rows of a 16 x 16 tile of A, left half first, as load_matrices asks for them; also those of B where
  // its rows lie along k.
  static __device__ __forceinline__ int across(int pitch) { return lane() % 16 * pitch + lane() / 16 * 8; }

  static __device__ __forceinline__ void multiply_rows(float (&sums)[kEach][kScores], const T* a, const T* b,
                                                       int depth) {
    a += warp() * Down * 16 * kPitch + across(kPitch);
    b += (lane() / 16 * 8 + lane() % 8) * kPitch + lane() / 8 % 2 * 8;
#pragma unroll 2
    for (int k = 0; k < depth; k += 16) {
      uint32_t x[Down][4];
#pragma unroll
      for (int d = 0; d < Down; ++d) load_matrices<false>(x[d], a + d * 16 * kPitch + k);
      step(sums, x, [&](uint32_t(&y)[4], int column) { load_matrices<false>(y, b + column * kPitch + k); });
    }
  }

  static __device__ __forceinline__ void multiply(float (&sums)[kEach][kOuts], const T* scores, const T* b) {
    scores += warp() * Down * 16 * kScorePitch + across(kScorePitch);
    b += across(kPitch);
#pragma unroll
    for (int k = 0; k < Columns; k += 16) {
      uint32_t x[Down][4];
#pragma unroll
      for (int d = 0; d < Down; ++d) load_matrices<false>(x[d], scores + d * 16 * kScorePitch + k);
      step(sums, x, [&](uint32_t(&y)[4], int column) { load_matrices<true>(y, b + k * kPitch + column); });
    }
  }

  static __device__ __forceinline__ void write_scores(T* to, const float (&scores)[kEach][kScores]) {
#pragma unroll
    for (int r = 0; r < kEach; ++r)
#pragma unroll
      for (int c = 0; c < kScores; c += 2)
        *reinterpret_cast<Vector<T, 2>*>(to + row(r) * kScorePitch + score_column(c)) = {
            {narrow<T>(scores[r][c]), narrow<T>(scores[r][c + 1])}};
  }

 private:
  // 16 columns a turn, whose part of B `load` brings.
  template <int N, class Load>
  static __device__ __forceinline__ void step(float (&sums)[kEach][N], const uint32_t (&x)[Down][4],
                                              const Load& load) {
#pragma unroll
    for (int c = 0; c < N; c += 4) {
      uint32_t y[4];
      load(y, c / 4 * 16);
#pragma unroll
      for (int d = 0; d < Down; ++d) {
        float(&upper)[N] = sums[2 * d];
        float(&lower)[N] = sums[2 * d + 1];
        multiply_add<T>(upper[c], upper[c + 1], lower[c], lower[c + 1], x[d], y[0], y[1]);
        multiply_add<T>(upper[c + 2], upper[c + 3], lower[c + 2], lower[c + 3], x[d], y[2], y[3]);
      }
    }
  }
};

// ---- between global memory and tiles

// Rows of a matrix into a tile, zeros beyond `rows` and `columns`. `vectors`: may they be read by 16 bytes?
template <class P, int Rows>
__device__ __forceinline__ void load_tile(typename P::T* to, const typename P::T* from, int64_t stride,
                                          int64_t rows, int64_t columns, bool vectors) {
  using T = typename P::T;
  constexpr int kPerRow = P::kWidth / P::kVector, kRowStep = P::kThreads / kPerRow;
  static_assert(P::kThreads % kPerRow == 0 && Rows % kRowStep == 0);
  const int tid = static_cast<int>(threadIdx.x);
  if (vectors) {
    const int r = tid / kPerRow, c = tid % kPerRow * P::kVector;
    const T* source = from + r * stride + c;
    const int64_t step = kRowStep * stride;
    T* const target = to + r * P::kPitch + c;
#pragma unroll
    for (int i = 0; i < Rows; i += kRowStep) {
      const bool inside = r + i < rows && c < columns;
      copy_async(target + i * P::kPitch, inside ? source : from, inside);
      source += step;
    }
    return;
  }
#pragma unroll 4
  for (int e = tid; e < Rows * P::kWidth; e += P::kThreads) {
    const int r = e / P::kWidth, c = e % P::kWidth;
    to[r * P::kPitch + c] = r < rows && c < columns ? from[r * stride + c] : T{};
  }
}

// Threads' sums, each row times its factor(r), into rows of a matrix, through a tile that holds as many rows:
// whole lines are written then, and the loop is short for every layout.
template <class P, class Factor>
__device__ __forceinline__ void store_tile(typename P::T* to, int64_t stride, int64_t rows, int64_t columns,
                                           bool vectors, typename P::T* tile,
                                           const typename P::O (&sums)[P::kEach][P::kOuts],
                                           const Factor& factor) {
  using T = typename P::T;
  __syncthreads();  // nobody reads the tile
#pragma unroll
  for (int r = 0; r < P::kEach; ++r) {
    const typename P::O scale = factor(r);
#pragma unroll
    for (int c = 0; c < P::kOuts; c += P::kRun) {
      Vector<T, P::kRun> out;
#pragma unroll
      for (int i = 0; i < P::kRun; ++i) out.at[i] = from_op<T>(sums[r][c + i] * scale);
      *reinterpret_cast<Vector<T, P::kRun>*>(tile + P::row(r) * P::kPitch + P::out_column(c)) = out;
    }
  }
  __syncthreads();
  const auto over_tile = [&](auto width) {
    constexpr int W = decltype(width)::value, kPerRow = P::kWidth / W;
    using V = Vector<T, W>;
#pragma unroll 1
    for (int e = static_cast<int>(threadIdx.x); e < P::kRows * kPerRow; e += P::kThreads) {
      const int r = e / kPerRow, c = e % kPerRow * W;
      if (r < rows && c < columns)
        *reinterpret_cast<V*>(to + r * stride + c) = *reinterpret_cast<const V*>(tile + r * P::kPitch + c);
    }
  };
  if (vectors)
    over_tile(std::integral_constant<int, P::kVector>{});
  else
    over_tile(std::integral_constant<int, 1>{});
}

}  // namespace plait::cuda
