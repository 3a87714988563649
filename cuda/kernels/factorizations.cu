#include "cuda/kernels/factorizations.h"

#include "cuda/device/fault.cuh"
#include "cuda/device/reduce.cuh"

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

template <class T>
__device__ __forceinline__ T conjugate(T x) {
  if constexpr (is_complex_type<T>)
    return {x.re, -x.im};
  else
    return x;
}

// One warp a column of a result, which it keeps in registers: kRows numbers in each lane. The columns of one
// matrix are neighbours and read the same reflectors, by way of the L1.
template <class T, int kRows>
__global__ void __launch_bounds__(kThreads) reflectors_kernel(const ReflectorsPlan plan) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * (kThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= plan.batch * plan.columns) return;
  const int64_t b = at / plan.columns;
  const int column = static_cast<int>(at % plan.columns), lane = static_cast<int>(threadIdx.x % kWarp);
  const T* reflectors = static_cast<const T*>(plan.reflectors) + b * plan.stride;
  const T* tau = static_cast<const T*>(plan.tau) + b * plan.count;
  T x[kRows], v[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r) x[r] = T(lane + r * kWarp == column ? 1 : 0);
  // A reflector of a later column leaves the unit vector as it is.
  for (int j = column < plan.count ? column : plan.count - 1; j >= 0; --j) {
    T sum = T(0);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int i = lane + r * kWarp;
      v[r] = T(i == j ? 1 : 0);
      if (i > j && i < plan.rows) v[r] = reflectors[static_cast<int64_t>(j) * plan.rows + i];
      sum += conjugate(v[r]) * x[r];
    }
    sum = tau[j] * warp_all(sum, kWarp, AddValues{});
#pragma unroll
    for (int r = 0; r < kRows; ++r) x[r] = x[r] - sum * v[r];
  }
  T* out = static_cast<T*>(plan.out) + at * plan.rows;
#pragma unroll
  for (int r = 0; r < kRows; ++r)
    if (lane + r * kWarp < plan.rows) out[lane + r * kWarp] = x[r];
}

template <class T>
void multiply(const ReflectorsPlan& plan) {
  const LaunchConfig config{static_cast<unsigned>(ceil_div(plan.batch * plan.columns, kThreads / kWarp)),
                            kThreads};
  if (plan.rows <= kWarp)
    launch(reflectors_kernel<T, 1>, config, plan);
  else if (plan.rows <= 2 * kWarp)
    launch(reflectors_kernel<T, 2>, config, plan);
  else if (plan.rows <= 4 * kWarp)
    launch(reflectors_kernel<T, 4>, config, plan);
  else
    launch(reflectors_kernel<T, 8>, config, plan);
}
static_assert(ReflectorsPlan::kMostRows == 8 * kWarp);

}  // namespace

void multiply_reflectors(const ReflectorsPlan& plan) {
  switch (plan.dtype) {
    case DType::Float32: return multiply<float>(plan);
    case DType::Float64: return multiply<double>(plan);
    case DType::Complex64: return multiply<Complex<float>>(plan);
    default: return multiply<Complex<double>>(plan);
  }
}

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
