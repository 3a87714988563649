// A copy element by element would read (or write) one element of each 32-byte sector at a time. So square
// tiles go through shared memory: they are read along the input's contiguous dimension and written along the
// result's.
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

// Of small elements the tiles are larger, so that a thread has 32 bytes in flight.
template <size_t Bytes>
constexpr int kTile = Bytes <= 2 ? 64 : 32;
// Columns of a tile lie in different banks.
template <size_t Bytes>
constexpr int kPitch = kTile<Bytes> + (Bytes < 4 ? 4 / static_cast<int>(Bytes) : 1);

template <size_t Bytes>
__global__ void __launch_bounds__(kThreads) transpose_kernel(const TilePlan plan) {
  using T = bits_t<Bytes>;
  constexpr int tile = kTile<Bytes>, step = kThreads / kWarp;
  __shared__ T elements[tile][kPitch<Bytes>];
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
  const int64_t column = static_cast<int64_t>(column_tile) * tile,
                row = static_cast<int64_t>(row_tile) * tile;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const char* in = plan.in + in_at;
#pragma unroll
  for (int j = 0; j < tile; j += step)  // columns of the tile, each along the rows
#pragma unroll
    for (int i = 0; i < tile; i += kWarp) {
      const int64_t c = column + warp + j, r = row + lane + i;
      if (c < plan.columns && r < plan.rows)
        elements[warp + j][lane + i] =
            *reinterpret_cast<const T*>(in + c * plan.in_stride + r * static_cast<int64_t>(Bytes));
    }
  __syncthreads();
  char* out = plan.out + out_at;
#pragma unroll
  for (int j = 0; j < tile; j += step)
#pragma unroll
    for (int i = 0; i < tile; i += kWarp) {
      const int64_t r = row + warp + j, c = column + lane + i;
      if (c < plan.columns && r < plan.rows)
        *reinterpret_cast<T*>(out + r * plan.out_stride + c * static_cast<int64_t>(Bytes)) =
            elements[lane + i][warp + j];
    }
}

// A dimension behind the first one along which the operand is contiguous; -1: none.
int contiguous_dim(const ElementwisePlan& plan, int operand, int64_t itemsize) {
  for (int d = 1; d < plan.ndim; ++d)
    if (plan.strides[d][operand] == itemsize && plan.sizes[d] >= kShortest) return d;
  return -1;
}

template <size_t Bytes>
void run(const ElementwisePlan& plan) {
  constexpr int64_t tile = kTile<Bytes>;
  const int rows = contiguous_dim(plan, 1, Bytes);
  TilePlan p;
  p.out = plan.data[0];
  p.in = plan.data[1];
  p.columns = plan.sizes[0];
  p.rows = plan.sizes[rows];
  p.out_stride = plan.strides[rows][0];
  p.in_stride = plan.strides[0][1];
  const int64_t column_tiles = ceil_div(p.columns, tile), row_tiles = ceil_div(p.rows, tile);
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
  launch(transpose_kernel<Bytes>, {static_cast<unsigned>(blocks), kThreads}, p);
}

}  // namespace

bool is_transposed(const ElementwisePlan& plan, int operand, int64_t itemsize) {
  const int64_t stride = plan.strides[0][operand];
  return plan.ndim > 1 && stride != itemsize && stride != 0 && plan.sizes[0] >= kShortest &&
         contiguous_dim(plan, operand, itemsize) > 0;
}

void copy_transposed(const ElementwisePlan& plan, int64_t itemsize) {
  switch (itemsize) {
    case 1: return run<1>(plan);
    case 2: return run<2>(plan);
    case 4: return run<4>(plan);
    case 8: return run<8>(plan);
    default: return run<16>(plan);
  }
}

}  // namespace plait::cuda
