#include "cuda/kernels/factorizations.h"

#include "cuda/device/fault.cuh"
#include "cuda/device/launch.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr size_t kShared = 48 * 1024;  // what every launch may have

__global__ void __launch_bounds__(kThreads)
    addresses_kernel(void** addresses, char* base, int64_t step, int64_t count) {
  const int64_t b = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (b < count) addresses[b] = base + b * step;
}

// One block a matrix. The exchanges depend on each other, so that one thread makes them; in shared memory,
// where the rows fit, a step takes some thirty cycles and not the hundreds of a round through L2.
template <bool kInShared>
__global__ void __launch_bounds__(kThreads) order_kernel(const RowOrderPlan plan, Fault* fault, OpName op) {
  int64_t* out = plan.order + static_cast<int64_t>(blockIdx.x) * plan.rows;
  const int32_t* pivots = plan.pivots + static_cast<int64_t>(blockIdx.x) * plan.count;
  const int thread = static_cast<int>(threadIdx.x);
  const auto exchange = [&](auto* order, const int32_t* swaps) {
    for (int i = thread; i < plan.rows; i += kThreads) order[i] = i;
    __syncthreads();
    if (thread == 0) {
      for (int k = 0; k < plan.count; ++k) {
        const int other = swaps[k] - 1;
        if (other < 0 || other >= plan.rows) {
          report_positive_index(fault, op, other, plan.rows, -1);
          continue;
        }
        const auto row = order[k];
        order[k] = order[other];
        order[other] = row;
      }
    }
  };
  if constexpr (kInShared) {
    int32_t* order = shared_memory<int32_t>();
    int32_t* swaps = order + plan.rows;
    for (int k = thread; k < plan.count; k += kThreads) swaps[k] = pivots[k];
    exchange(order, swaps);
    __syncthreads();
    for (int i = thread; i < plan.rows; i += kThreads) out[i] = order[i];
  } else {
    exchange(out, pivots);
  }
}

}  // namespace

void fill_addresses(void** addresses, void* base, int64_t step, int64_t count) {
  launch(addresses_kernel, {static_cast<unsigned>(ceil_div(count, kThreads)), kThreads}, addresses,
         static_cast<char*>(base), step, count);
}

void order_rows(const RowOrderPlan& plan, const char* op) {
  const size_t shared = sizeof(int32_t) * (static_cast<size_t>(plan.rows) + static_cast<size_t>(plan.count));
  const auto blocks = static_cast<unsigned>(plan.batch);
  if (shared <= kShared)
    launch(order_kernel<true>, {.grid = blocks, .block = kThreads, .shared = shared}, plan, fault_slot(), op);
  else
    launch(order_kernel<false>, {.grid = blocks, .block = kThreads}, plan, fault_slot(), op);
}

}  // namespace plait::cuda
