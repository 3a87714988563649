#include "cuda/kernels/join.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kUnroll = 4;
constexpr int64_t kStepsPerBlock = kThreads * kUnroll;

// A block copies 1024 accesses of one piece, each as wide as that piece's alignment allows.
struct Part {
  const char* from;
  int64_t start;     // in the first row of out, in bytes
  int64_t steps;     // accesses in all rows
  FastDivisor slab;  // accesses of a row
  uint32_t first_block;
  uint8_t width_log2;  // bytes of an access
  bool one_run;        // its rows follow each other in out, too
};
struct Table {
  char* out;
  int64_t row;  // bytes
  int parts;
  Part part[JoinPlan::kMaxPieces];
};

template <class Bits>
__device__ __forceinline__ void copy_part(const Table& table, const Part& part, int64_t first) {
  Bits value[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t at = first + u * kThreads;
    if (at < part.steps) value[u] = load_streaming(reinterpret_cast<const Bits*>(part.from) + at);
  }
  char* out = table.out + part.start;
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t at = first + u * kThreads;
    if (at >= part.steps) continue;
    int64_t to = at * static_cast<int64_t>(sizeof(Bits));
    if (!part.one_run) {
      uint32_t column;
      const uint32_t line = part.slab.divide(static_cast<uint32_t>(at), column);
      to = line * table.row + column * static_cast<int64_t>(sizeof(Bits));
    }
    *reinterpret_cast<Bits*>(out + to) = value[u];
  }
}

__global__ void __launch_bounds__(kThreads) join_kernel(const Table table) {
  int low = 0, high = table.parts;  // the last part that begins at this block or before
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (table.part[middle].first_block <= blockIdx.x ? low : high) = middle;
  }
  const Part& part = table.part[low];
  const int64_t first = (blockIdx.x - part.first_block) * kStepsPerBlock + threadIdx.x;
  switch (part.width_log2) {
    case 4: return copy_part<bits_t<16>>(table, part, first);
    case 3: return copy_part<bits_t<8>>(table, part, first);
    case 2: return copy_part<bits_t<4>>(table, part, first);
    case 1: return copy_part<bits_t<2>>(table, part, first);
    default: return copy_part<bits_t<1>>(table, part, first);
  }
}

}  // namespace

void join(const JoinPlan& plan) {
  Table table{};
  table.out = plan.out;
  table.row = plan.row;
  table.parts = 0;
  int64_t blocks = 0;
  for (int k = 0; k < plan.pieces; ++k) {
    const JoinPiece& piece = plan.piece[k];
    if (piece.slab == 0 || plan.outer == 0) continue;
    Part& part = table.part[table.parts++];
    part.one_run = plan.outer == 1 || piece.slab == plan.row;
    // All addresses of an access must be multiples of its width.
    uint64_t all = reinterpret_cast<uintptr_t>(piece.from) |
                   (reinterpret_cast<uintptr_t>(plan.out) + piece.start) |
                   static_cast<uint64_t>(plan.outer == 1 ? piece.slab : piece.slab | plan.row);
    part.width_log2 = 0;
    while (part.width_log2 < 4 && !(all & 1)) {
      ++part.width_log2;
      all >>= 1;
    }
    part.from = piece.from;
    part.start = piece.start;
    part.steps = plan.outer * (piece.slab >> part.width_log2);
    part.slab = FastDivisor(static_cast<uint32_t>(part.one_run ? 1 : piece.slab >> part.width_log2));
    part.first_block = static_cast<uint32_t>(blocks);
    blocks += ceil_div(part.steps, kStepsPerBlock);
  }
  launch(join_kernel, {static_cast<unsigned>(blocks), kThreads}, table);
}

}  // namespace plait::cuda
