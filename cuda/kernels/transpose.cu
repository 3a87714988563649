// A copy element by element would read (or write) one element of each 32-byte sector at a time. So square
// tiles go through shared memory: they are read along the input's contiguous dimension and written along the
// result's.
//
// 4 bytes in and out have the time of 53 instructions of a thread. Where everything is aligned to vectors of
// V elements, a thread takes a square of V vectors, 32 or 64 bytes, turns it in registers, and 256 threads
// exchange their squares: 1 to 3 instructions for 4 bytes. What fits no vectors moves element by element.
#include "cuda/kernels/transpose.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kShortest = 16;  // of the two dimensions

// Tiles along `columns`, contiguous in the result, and `rows`, contiguous in the input; then the other
// dimensions.
struct TilePlan {
  char* out;
  const char* in;
  int64_t columns, rows;
  int64_t out_stride, in_stride;  // bytes from row to row of the result, from column to column of the input
  FastDivisor column_tiles, row_tiles;
  int ndim;
  FastDivisor sizes[ElementwisePlan::kMaxDims];
  int64_t out_strides[ElementwisePlan::kMaxDims], in_strides[ElementwisePlan::kMaxDims];
};

struct Tile {
  int64_t row, column;  // its first ones
  const char* in;
  char* out;
};
__device__ __forceinline__ Tile tile_of(const TilePlan& plan, int size) {
  uint32_t column_tile, row_tile, rest = blockIdx.x;
  rest = plan.column_tiles.divide(rest, column_tile);
  rest = plan.row_tiles.divide(rest, row_tile);
  int64_t out_at = 0, in_at = 0;
#pragma unroll 1
  for (int d = 0; d < plan.ndim; ++d) {
    uint32_t at;
    rest = plan.sizes[d].divide(rest, at);
    out_at += at * plan.out_strides[d];
    in_at += at * plan.in_strides[d];
  }
  return {static_cast<int64_t>(row_tile) * size, static_cast<int64_t>(column_tile) * size, plan.in + in_at,
          plan.out + out_at};
}

// ---- squares of vectors

// V elements.
template <size_t Bytes, int V>
struct alignas(Bytes* V) Words {
  uint32_t at[Bytes * V / 4];
};

// V vectors along the rows become V vectors along the columns.
template <size_t Bytes, int V>
__device__ __forceinline__ void turn(const Words<Bytes, V> (&in)[V], Words<Bytes, V> (&out)[V]) {
  constexpr int each = Bytes < 4 ? 4 / static_cast<int>(Bytes) : 1;   // elements of a word
  constexpr int words = Bytes < 4 ? 1 : static_cast<int>(Bytes) / 4;  // of an element
#pragma unroll
  for (int a = 0; a < V / each; ++a) {
#pragma unroll
    for (int b = 0; b < V / each; ++b) {
      if constexpr (each == 4) {
        const uint32_t r0 = in[4 * a].at[b], r1 = in[4 * a + 1].at[b], r2 = in[4 * a + 2].at[b],
                       r3 = in[4 * a + 3].at[b];
        const uint32_t low0 = __byte_perm(r0, r1, 0x5140), low1 = __byte_perm(r2, r3, 0x5140),
                       high0 = __byte_perm(r0, r1, 0x7362), high1 = __byte_perm(r2, r3, 0x7362);
        out[4 * b].at[a] = __byte_perm(low0, low1, 0x5410);
        out[4 * b + 1].at[a] = __byte_perm(low0, low1, 0x7632);
        out[4 * b + 2].at[a] = __byte_perm(high0, high1, 0x5410);
        out[4 * b + 3].at[a] = __byte_perm(high0, high1, 0x7632);
      } else if constexpr (each == 2) {
        const uint32_t r0 = in[2 * a].at[b], r1 = in[2 * a + 1].at[b];
        out[2 * b].at[a] = __byte_perm(r0, r1, 0x5410);
        out[2 * b + 1].at[a] = __byte_perm(r0, r1, 0x7632);
      } else {
#pragma unroll
        for (int w = 0; w < words; ++w) out[b].at[words * a + w] = in[a].at[words * b + w];
      }
    }
  }
}

// Squares of a tile along each side. Half a warp reads or writes 16 vectors of a row: lines of 128 bytes or
// more, of 8-byte vectors.
constexpr int kSquares = 16;

template <size_t Bytes, int V>
__global__ void __launch_bounds__(kThreads) transpose_squares(const TilePlan plan) {
  using Vec = Words<Bytes, V>;
  static_assert(kSquares * kSquares == kThreads);
  // Vectors of a square lie apart, so that those of neighbouring squares are neighbours, in one direction by
  // 1 and in the other by 17: both are free of conflicts between banks.
  __shared__ Vec exchange[V][kSquares * (kSquares + 1)];
  const Tile tile = tile_of(plan, kSquares * V);
  const int x = static_cast<int>(threadIdx.x) % kSquares, y = static_cast<int>(threadIdx.x) / kSquares;
  {
    const int64_t r = tile.row + x * V, c = tile.column + y * V;
    if (r < plan.rows && c < plan.columns) {
      const char* in = tile.in + c * plan.in_stride + r * static_cast<int64_t>(Bytes);
      Vec loaded[V], turned[V];
#pragma unroll
      for (int i = 0; i < V; ++i) {
        loaded[i] = *reinterpret_cast<const Vec*>(in);
        in += plan.in_stride;
      }
      turn<Bytes, V>(loaded, turned);
#pragma unroll
      for (int i = 0; i < V; ++i) exchange[i][y * (kSquares + 1) + x] = turned[i];
    }
  }
  __syncthreads();
  const int64_t r = tile.row + y * V, c = tile.column + x * V;
  if (r >= plan.rows || c >= plan.columns) return;
  char* out = tile.out + r * plan.out_stride + c * static_cast<int64_t>(Bytes);
#pragma unroll
  for (int i = 0; i < V; ++i) {
    *reinterpret_cast<Vec*>(out) = exchange[i][x * (kSquares + 1) + y];
    out += plan.out_stride;
  }
}

// ---- elements

// Of small elements the tiles are larger, so that a thread has 32 bytes in flight.
template <size_t Bytes>
constexpr int kTile = Bytes <= 2 ? 64 : 32;
// Columns of a tile lie in different banks.
template <size_t Bytes>
constexpr int kPitch = kTile<Bytes> + (Bytes < 4 ? 4 / static_cast<int>(Bytes) : 1);

template <size_t Bytes>
__global__ void __launch_bounds__(kThreads) transpose_kernel(const TilePlan plan) {
  using T = bits_t<Bytes>;
  constexpr int side = kTile<Bytes>, step = kThreads / kWarp;
  __shared__ T elements[side][kPitch<Bytes>];
  const Tile tile = tile_of(plan, side);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  // `Whole` tiles need no comparisons.
  const auto read = [&]<bool Whole>() {
    const T* in =
        reinterpret_cast<const T*>(tile.in + (tile.column + warp) * plan.in_stride) + tile.row + lane;
#pragma unroll
    for (int j = 0; j < side; j += step) {  // columns of the tile, each along the rows
#pragma unroll
      for (int i = 0; i < side; i += kWarp)
        if (Whole || (tile.column + warp + j < plan.columns && tile.row + lane + i < plan.rows))
          elements[warp + j][lane + i] = in[i];
      in = reinterpret_cast<const T*>(reinterpret_cast<const char*>(in) + step * plan.in_stride);
    }
  };
  const auto write = [&]<bool Whole>() {
    T* out = reinterpret_cast<T*>(tile.out + (tile.row + warp) * plan.out_stride) + tile.column + lane;
#pragma unroll
    for (int j = 0; j < side; j += step) {
#pragma unroll
      for (int i = 0; i < side; i += kWarp)
        if (Whole || (tile.row + warp + j < plan.rows && tile.column + lane + i < plan.columns))
          out[i] = elements[lane + i][warp + j];
      out = reinterpret_cast<T*>(reinterpret_cast<char*>(out) + step * plan.out_stride);
    }
  };
  const bool whole = tile.column + side <= plan.columns && tile.row + side <= plan.rows;
  whole ? read.template operator()<true>() : read.template operator()<false>();
  __syncthreads();
  whole ? write.template operator()<true>() : write.template operator()<false>();
}

// A dimension behind the first one along which the operand is contiguous; -1: none.
int contiguous_dim(const ElementwisePlan& plan, int operand, int64_t itemsize) {
  for (int d = 1; d < plan.ndim; ++d)
    if (plan.strides[d][operand] == itemsize && plan.sizes[d] >= kShortest) return d;
  return -1;
}

// Does the operand always have vectors of `bytes` along its contiguous dimension, `along`?
bool fits(const ElementwisePlan& plan, int operand, int along, int64_t itemsize, int64_t bytes) {
  if (reinterpret_cast<uintptr_t>(plan.data[operand]) % bytes || plan.sizes[along] * itemsize % bytes)
    return false;
  for (int d = 0; d < plan.ndim; ++d)
    if (d != along && plan.strides[d][operand] % bytes) return false;
  return true;
}

using Kernel = void (*)(TilePlan);

template <size_t Bytes, int... V>
void run(const ElementwisePlan& plan) {
  const int rows = contiguous_dim(plan, 1, Bytes);
  Kernel kernel = nullptr;
  int64_t side = kTile<Bytes>;
  [[maybe_unused]] const auto take = [&]<int W>() {
    constexpr int64_t bytes = Bytes * W;
    if (kernel || !fits(plan, 0, 0, Bytes, bytes) || !fits(plan, 1, rows, Bytes, bytes)) return;
    kernel = transpose_squares<Bytes, W>;
    side = kSquares * W;
  };
  (take.template operator()<V>(), ...);
  if (!kernel) kernel = transpose_kernel<Bytes>;
  TilePlan p{};
  p.out = plan.data[0];
  p.in = plan.data[1];
  p.columns = plan.sizes[0];
  p.rows = plan.sizes[rows];
  p.out_stride = plan.strides[rows][0];
  p.in_stride = plan.strides[0][1];
  const int64_t column_tiles = ceil_div(p.columns, side), row_tiles = ceil_div(p.rows, side);
  p.column_tiles = FastDivisor(static_cast<uint32_t>(column_tiles));
  p.row_tiles = FastDivisor(static_cast<uint32_t>(row_tiles));
  p.ndim = 0;
  int64_t blocks = column_tiles * row_tiles;
  for (int d = 1; d < plan.ndim; ++d) {
    if (d == rows) continue;
    p.sizes[p.ndim] = FastDivisor(static_cast<uint32_t>(plan.sizes[d]));
    p.out_strides[p.ndim] = plan.strides[d][0];
    p.in_strides[p.ndim++] = plan.strides[d][1];
    blocks *= plan.sizes[d];
  }
  launch(kernel, {static_cast<unsigned>(blocks), kThreads}, p);
}

}  // namespace

bool is_transposed(const ElementwisePlan& plan, int operand, int64_t itemsize) {
  const int64_t stride = plan.strides[0][operand];
  return plan.ndim > 1 && stride != itemsize && stride != 0 && plan.sizes[0] >= kShortest &&
         contiguous_dim(plan, operand, itemsize) > 0;
}

void copy_transposed(const ElementwisePlan& plan, int64_t itemsize) {
  switch (itemsize) {
    case 1: return run<1, 8, 4>(plan);
    case 2: return run<2, 4>(plan);
    case 4: return run<4, 4>(plan);
    case 8: return run<8, 2>(plan);
    default: return run<16>(plan);
  }
}

}  // namespace plait::cuda
