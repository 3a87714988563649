#include "cuda/kernels/search.h"

#include "cuda/device/block.cuh"
#include "cuda/device/fault.cuh"
#include "cuda/device/sort_key.cuh"
#include "cuda/kernels/mask.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

constexpr const char* kRepeatInterleave = "repeat_interleave";  // the host's address of it

LaunchConfig threads_for(int64_t n) { return {static_cast<unsigned>(ceil_div(n, kThreads)), kThreads}; }
__device__ __forceinline__ int64_t thread_index() {
  return static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

template <class Bits>
__global__ void __launch_bounds__(kThreads) search_kernel(const Search s, const KeyRule rule) {
  const int64_t i = thread_index();
  if (i >= s.n) return;
  const Bits* row = static_cast<const Bits*>(s.sequence) + (s.per_row ? i / s.per_row * s.length : 0);
  const auto key = sort_key(static_cast<const Bits*>(s.values)[i], rule);
  int64_t low = 0, high = s.length;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto other = sort_key(row[middle], rule);
    if (s.right ? other <= key : other < key)
      low = middle + 1;
    else
      high = middle;
  }
  if (s.wide)
    static_cast<int64_t*>(s.out)[i] = low;
  else
    static_cast<int32_t*>(s.out)[i] = static_cast<int32_t>(low);
}

// Values are equal where their keys are, but for NaN.
template <class Bits>
__device__ __forceinline__ bool unlike(Bits a, Bits b, const KeyRule& rule) {
  const auto key = sort_key(a, rule);
  return key != sort_key(b, rule) || rule.is_nan(key);
}

template <class Bits>
__global__ void __launch_bounds__(kThreads)
    heads_kernel(uint8_t* heads, const Bits* sorted, int64_t n, int64_t length, bool nans_equal,
                 const KeyRule rule) {
  const int64_t i = thread_index();
  if (i >= n) return;
  if (i % length == 0)
    heads[i] = 1;
  else if (nans_equal)
    heads[i] = sort_key(sorted[i], rule) != sort_key(sorted[i - 1], rule);
  else
    heads[i] = unlike(sorted[i], sorted[i - 1], rule);
}

// A warp an item.
template <class Bits>
__global__ void __launch_bounds__(kThreads)
    items_kernel(uint8_t* heads, const Bits* items, const int64_t* order, int64_t n, int64_t width,
                 const KeyRule rule) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * (kThreads / kWarp) + warp_id();
  if (i >= n) return;
  bool differs = i == 0;
  if (i > 0) {
    const Bits *a = items + order[i] * width, *b = items + order[i - 1] * width;
    for (int64_t c = lane_id(); c < width && !differs; c += kWarp) differs = unlike(a[c], b[c], rule);
  }
  differs = __any_sync(kAllLanes, differs);
  if (lane_id() == 0) heads[i] = differs;
}

constexpr int kRounds = kMaskTile / kThreads;

__global__ void __launch_bounds__(kThreads)
    ranks_kernel(int64_t* ranks, const int64_t* order, const uint8_t* heads, int64_t n, int64_t length,
                 const int64_t* before) {
  int64_t first = before[blockIdx.x];
#pragma unroll 1
  for (int r = 0; r < kRounds; ++r) {
    const int64_t i = blockIdx.x * kMaskTile + r * kThreads + threadIdx.x;
    const int head = i < n ? heads[i] : 0;
    int total;
    const int earlier = block_exclusive_sum<kThreads>(head, total);
    if (i < n) ranks[i / length * length + order[i]] = first + earlier + head - 1;
    first += total;
  }
}

__global__ void __launch_bounds__(kThreads)
    lengths_kernel(int64_t* lengths, const int64_t* starts, int64_t groups, int64_t n) {
  const int64_t g = thread_index();
  if (g < groups) lengths[g] = (g + 1 < groups ? starts[g + 1] : n) - starts[g];
}

__global__ void __launch_bounds__(kThreads)
    pairs_kernel(int64_t* pairs, const int64_t* ranks, int64_t columns, int64_t n) {
  const int64_t at = thread_index();
  if (at >= (columns + 1) / 2 * n) return;
  const int64_t c = at / n * 2, i = at % n;
  const int64_t high = ranks[c * n + i];
  pairs[at] = c + 1 < columns ? high << 32 | ranks[(c + 1) * n + i] : high;
}

__global__ void __launch_bounds__(kThreads)
    check_kernel(const int64_t* repeats, int64_t n, OpName op, Fault* fault) {
  const int64_t i = thread_index();
  if (i < n && repeats[i] < 0) report_fault(fault, FaultKind::NegativeRepeat, op, repeats[i], 0, -1);
}

__global__ void __launch_bounds__(kThreads)
    repeats_kernel(int64_t* out, int64_t total, const int64_t* ends, int64_t n, OpName op, Fault* fault) {
  const int64_t k = thread_index();
  if (k == 0 && ends[n - 1] != total) report_fault(fault, FaultKind::RepeatSum, op, ends[n - 1], total, -1);
  if (k >= total) return;
  int64_t low = 0, high = n - 1;  // the first whose end lies behind k
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    ends[middle] > k ? high = middle : low = middle + 1;
  }
  out[k] = low;
}

template <class F>
void visit_bits(DType dtype, const F& f) {
  switch (itemsize(dtype)) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    default: return f.template operator()<uint64_t>();
  }
}

}  // namespace

void search_sorted(const Search& search) {
  visit_bits(search.dtype, [&]<class Bits>() {
    launch(search_kernel<Bits>, threads_for(search.n), search, KeyRule(search.dtype, false));
  });
}

void mark_heads(uint8_t* heads, const void* sorted, DType dtype, int64_t n, int64_t length, bool nans_equal) {
  visit_bits(dtype, [&]<class Bits>() {
    launch(heads_kernel<Bits>, threads_for(n), heads, static_cast<const Bits*>(sorted), n, length, nans_equal,
           KeyRule(dtype, false));
  });
}

void mark_unlike_items(uint8_t* heads, const void* items, DType dtype, const int64_t* order, int64_t n,
                       int64_t width) {
  visit_bits(dtype, [&]<class Bits>() {
    launch(items_kernel<Bits>, {static_cast<unsigned>(ceil_div(n, kThreads / kWarp)), kThreads}, heads,
           static_cast<const Bits*>(items), order, n, width, KeyRule(dtype, false));
  });
}

void scatter_ranks(int64_t* ranks, const int64_t* order, const uint8_t* heads, int64_t n, int64_t length,
                   const int64_t* before) {
  launch(ranks_kernel, {static_cast<unsigned>(mask_tiles(n)), kThreads}, ranks, order, heads, n, length,
         before);
}

void run_lengths(int64_t* lengths, const int64_t* starts, int64_t groups, int64_t n) {
  launch(lengths_kernel, threads_for(groups), lengths, starts, groups, n);
}

void pair_ranks(int64_t* pairs, const int64_t* ranks, int64_t columns, int64_t n) {
  launch(pairs_kernel, threads_for((columns + 1) / 2 * n), pairs, ranks, columns, n);
}

void check_repeats(const int64_t* repeats, int64_t n, Fault* fault) {
  launch(check_kernel, threads_for(n), repeats, n, kRepeatInterleave, fault);
}

void expand_repeats(int64_t* out, int64_t total, const int64_t* ends, int64_t n, Fault* fault) {
  launch(repeats_kernel, threads_for(total > 0 ? total : 1), out, total, ends, n, kRepeatInterleave, fault);
}

}  // namespace plait::cuda
