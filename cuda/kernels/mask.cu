#include "cuda/kernels/mask.h"

#include "cuda/device/block.cuh"
#include "cuda/device/elementwise.cuh"
#include "cuda/device/fault.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kRounds = kMaskTile / kThreads;  // a round: one element a thread
static_assert(kMaskTile == kThreads * 16, "counting reads 16 bytes a thread");

// The number of bytes that are not zero.
__device__ __forceinline__ int count_set(uint32_t word) {
  constexpr uint32_t kLow = 0x7f7f7f7fu;
  return __popc((((word & kLow) + kLow) | word) & ~kLow);
}

__global__ void __launch_bounds__(kThreads) count_kernel(const uint8_t* mask, int64_t n, int64_t* counts) {
  const int64_t first = blockIdx.x * kMaskTile + threadIdx.x * 16;
  int count = 0;
  if (first + 16 <= n && reinterpret_cast<uintptr_t>(mask) % 16 == 0) {
    const uint4 bytes = *reinterpret_cast<const uint4*>(mask + first);
    count = count_set(bytes.x) + count_set(bytes.y) + count_set(bytes.z) + count_set(bytes.w);
  } else {
    for (int64_t i = first; i < first + 16 && i < n; ++i) count += mask[i] != 0;
  }
  int total;
  block_exclusive_sum<kThreads>(count, total);
  if (threadIdx.x == 0) counts[blockIdx.x] = total;
}

constexpr int kScanThreads = 1024;
constexpr int kItems = 4;
constexpr int64_t kScanTile = kScanThreads * kItems;

__global__ void __launch_bounds__(kScanThreads)
    tile_sums_kernel(const int64_t* values, int64_t n, int64_t* sums) {
  const int64_t first = blockIdx.x * kScanTile + threadIdx.x;
  int64_t sum = 0, total;
#pragma unroll
  for (int i = 0; i < kItems; ++i)
    if (first + i * kScanThreads < n) sum += values[first + i * kScanThreads];
  block_exclusive_sum<kScanThreads>(sum, total);
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

// `span` values for each block, a tile at a time; what was summed so far is carried on. `before`: the sums of
// what stands before each block, and behind them that of all; null: there is one block.
__global__ void __launch_bounds__(kScanThreads)
    scan_kernel(int64_t* values, int64_t n, int64_t span, const int64_t* before) {
  const int64_t begin = blockIdx.x * span, end = begin + span < n ? begin + span : n;
  int64_t carried = before ? before[blockIdx.x] : 0;
  for (int64_t base = begin; base < end; base += kScanTile) {
    const int64_t first = base + threadIdx.x * kItems;
    int64_t item[kItems], sum = 0;
#pragma unroll
    for (int i = 0; i < kItems; ++i) {
      item[i] = first + i < end ? values[first + i] : 0;
      sum += item[i];
    }
    int64_t total, earlier = carried + block_exclusive_sum<kScanThreads>(sum, total);
#pragma unroll
    for (int i = 0; i < kItems; ++i) {
      if (first + i < end) values[first + i] = earlier;
      earlier += item[i];
    }
    carried += total;
  }
  if (threadIdx.x == 0 && end == n) values[n] = carried;
}

// Calls move(k, i) for the k-th set element i of this block's tile. Neighbouring threads look at neighbouring
// elements.
template <class Move>
__device__ __forceinline__ void for_each_set(const uint8_t* mask, int64_t n, const int64_t* before,
                                             const Move& move) {
  __shared__ int counts[kRounds * kWarps];
  const int64_t base = blockIdx.x * kMaskTile;
  unsigned set[kRounds];  // the ballot of this thread's warp
#pragma unroll
  for (int r = 0; r < kRounds; ++r) {
    const int64_t i = base + r * kThreads + threadIdx.x;
    set[r] = i < n ? mask[i] : 0;
  }
#pragma unroll
  for (int r = 0; r < kRounds; ++r) {
    set[r] = __ballot_sync(kAllLanes, set[r] != 0);
    if (lane_id() == 0) counts[r * kWarps + warp_id()] = __popc(set[r]);
  }
  __syncthreads();
  if (warp_id() == 0) {  // counts become what stands before
    constexpr int kEach = kRounds * kWarps / kWarp;
    int item[kEach], sum = 0;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      item[i] = counts[lane_id() * kEach + i];
      sum += item[i];
    }
    int earlier = warp_inclusive_sum(sum) - sum;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      counts[lane_id() * kEach + i] = earlier;
      earlier += item[i];
    }
  }
  __syncthreads();
  const int64_t first = before[blockIdx.x];
#pragma unroll
  for (int r = 0; r < kRounds; ++r) {
    if (!(set[r] >> lane_id() & 1)) continue;
    move(first + counts[r * kWarps + warp_id()] + __popc(set[r] & lanes_before()),
         base + r * kThreads + threadIdx.x);
  }
}

template <class Bits>
__global__ void __launch_bounds__(kThreads)
    select_kernel(Bits* out, const Bits* src, const uint8_t* mask, int64_t n, const int64_t* before) {
  for_each_set(mask, n, before, [=](int64_t k, int64_t i) { out[k] = src[i]; });
}

template <class Bits>
__global__ void __launch_bounds__(kThreads)
    scatter_kernel(Bits* out, const Bits* src, const uint8_t* mask, int64_t n, const int64_t* before,
                   int64_t available, bool exact, OpName op, Fault* fault) {
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    const int64_t count = before[gridDim.x];
    if (count > available || (exact && count != available))
      report_fault(fault, exact ? FaultKind::MaskedValues : FaultKind::MaskedSource, op, count, available,
                   -1);
  }
  for_each_set(mask, n, before, [=](int64_t k, int64_t i) {
    if (k < available) out[i] = src[k];
  });
}

__global__ void __launch_bounds__(kThreads) positions_kernel(int64_t* out, const uint8_t* mask, int64_t n,
                                                             const int64_t* before, const MaskShape shape) {
  for_each_set(mask, n, before, [&](int64_t k, int64_t i) {
    int64_t* row = out + k * shape.ndim;
    int64_t rest = i;
#pragma unroll 1
    for (int d = shape.ndim - 1; d > 0; --d) {
      const int64_t size = shape.sizes[d];
      int64_t quotient;
      if ((rest | size) >> 32)
        quotient = rest / size;
      else  // a division of 64 bits costs ten times as much
        quotient = static_cast<uint32_t>(rest) / static_cast<uint32_t>(size);
      row[d] = rest - quotient * size;
      rest = quotient;
    }
    row[0] = rest;
  });
}

struct FillWalk {
  int64_t count;
  int ndim;
  FastDivisor sizes[ElementwisePlan::kMaxDims];
  int64_t strides[ElementwisePlan::kMaxDims][2];
  char* out;
  const uint8_t* mask;
  MaskedFill fill;
};

// Only what the mask selects is written.
template <class Bits>
__global__ void __launch_bounds__(kThreads) fill_kernel(const FillWalk walk) {
  constexpr int kUnroll = 4;
  Bits value;
  if (walk.fill.from)
    value = *static_cast<const Bits*>(walk.fill.from);
  else
    __builtin_memcpy(&value, walk.fill.bits, sizeof(Bits));
  const int64_t first = static_cast<int64_t>(blockIdx.x) * (kThreads * kUnroll) + threadIdx.x;
  int64_t out[kUnroll];
  bool set[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t at = first + u * kThreads;
    set[u] = false;
    out[u] = 0;
    if (at >= walk.count) continue;
    int64_t mask = 0;
    if (walk.ndim == 1) {
      out[u] = at * walk.strides[0][0];
      mask = at * walk.strides[0][1];
    } else {
      uint32_t rest = static_cast<uint32_t>(at);
#pragma unroll 1
      for (int d = 0; d < walk.ndim; ++d) {
        uint32_t i;
        rest = walk.sizes[d].divide(rest, i);
        out[u] += i * walk.strides[d][0];
        mask += i * walk.strides[d][1];
      }
    }
    set[u] = walk.mask[mask] != 0;
  }
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (set[u]) *reinterpret_cast<Bits*>(walk.out + out[u]) = value;
}

template <class F>
void visit_size(int64_t itemsize, const F& f) {
  switch (itemsize) {
    case 1: return f.template operator()<bits_t<1>>();
    case 2: return f.template operator()<bits_t<2>>();
    case 4: return f.template operator()<bits_t<4>>();
    case 8: return f.template operator()<bits_t<8>>();
    default: return f.template operator()<bits_t<16>>();
  }
}

LaunchConfig tiles_of(int64_t n) { return {static_cast<unsigned>(mask_tiles(n)), kThreads}; }

}  // namespace

void count_mask(const uint8_t* mask, int64_t n, int64_t* before) {
  launch(count_kernel, tiles_of(n), mask, n, before);
  exclusive_scan(before, mask_tiles(n));
}

void exclusive_scan(int64_t* values, int64_t n) {
  constexpr int64_t kOneBlock = 4 * kScanTile;  // beyond, one multiprocessor's bandwidth is the limit
  if (n <= kOneBlock) return launch(scan_kernel, {1, kScanThreads}, values, n, kOneBlock, nullptr);
  const int64_t tiles = ceil_div(n, kScanTile);
  const Workspace sums(static_cast<size_t>(tiles + 1) * sizeof(int64_t));
  launch(tile_sums_kernel, {static_cast<unsigned>(tiles), kScanThreads}, values, n, sums.as<int64_t>());
  exclusive_scan(sums.as<int64_t>(), tiles);
  launch(scan_kernel, {static_cast<unsigned>(tiles), kScanThreads}, values, n, kScanTile, sums.as<int64_t>());
}

void select_masked(void* out, const void* src, const uint8_t* mask, int64_t n, const int64_t* before,
                   int64_t itemsize) {
  visit_size(itemsize, [&]<class Bits>() {
    launch(select_kernel<Bits>, tiles_of(n), static_cast<Bits*>(out), static_cast<const Bits*>(src), mask, n,
           before);
  });
}

void scatter_masked(void* out, const void* src, const uint8_t* mask, int64_t n, const int64_t* before,
                    int64_t itemsize, int64_t available, bool exact, const char* op, Fault* fault) {
  visit_size(itemsize, [&]<class Bits>() {
    launch(scatter_kernel<Bits>, tiles_of(n), static_cast<Bits*>(out), static_cast<const Bits*>(src), mask, n,
           before, available, exact, op, fault);
  });
}

void positions_of_mask(int64_t* out, const uint8_t* mask, int64_t n, const int64_t* before,
                       const MaskShape& shape) {
  launch(positions_kernel, tiles_of(n), out, mask, n, before, shape);
}

void fill_masked(const ElementwisePlan& plan, const void* params) {
  if (plan.numel == 0) return;
  const auto& fill = *static_cast<const MaskedFill*>(params);
  FillWalk walk{plan.numel, plan.ndim, {}, {}, plan.data[0], reinterpret_cast<const uint8_t*>(plan.data[1]),
                fill};
  for (int d = 0; d < plan.ndim; ++d) {
    walk.sizes[d] = FastDivisor(static_cast<uint32_t>(plan.sizes[d]));
    for (int k = 0; k < 2; ++k) walk.strides[d][k] = plan.strides[d][k];
  }
  visit_size(fill.itemsize, [&]<class Bits>() {
    launch(fill_kernel<Bits>, {static_cast<unsigned>(ceil_div(plan.numel, kThreads * 4)), kThreads}, walk);
  });
}

}  // namespace plait::cuda
