// A block counts in shared memory where the bins fit there, and adds what it has to global memory at the end:
// few atomic operations meet in one place.
#include "cuda/kernels/histogram.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

using Word64 = unsigned long long;
constexpr int kThreads = 256;
constexpr int64_t kShared = 8192;  // bins of 4 bytes: 32 KiB

// bin(i): of element i, or -1.
template <class Bin>
__device__ __forceinline__ void count(int64_t n, int64_t bins, int64_t* counts, const Bin& bin) {
  auto* shared = shared_memory<unsigned>();
  const bool local = bins <= kShared;
  if (local) {
    for (int64_t b = threadIdx.x; b < bins; b += kThreads) shared[b] = 0;
    __syncthreads();
  }
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 4
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    const int64_t b = bin(i);
    if (b < 0) continue;
    if (local)
      atomicAdd(shared + b, 1u);
    else
      atomicAdd(reinterpret_cast<Word64*>(counts + b), Word64{1});
  }
  if (!local) return;
  __syncthreads();
  for (int64_t b = threadIdx.x; b < bins; b += kThreads)
    if (shared[b]) atomicAdd(reinterpret_cast<Word64*>(counts + b), static_cast<Word64>(shared[b]));
}

template <class T>
__global__ void __launch_bounds__(kThreads) interval_counts(const T* x, int64_t n, double low, double high,
                                                            double scale, int64_t bins, int64_t* counts) {
  count(n, bins, counts, [=](int64_t i) -> int64_t {
    const auto value = static_cast<double>(to_op(x[i]));
    if (!(value >= low && value <= high)) return -1;
    const auto b = static_cast<int64_t>((value - low) * scale);
    return b < bins ? b : bins - 1;
  });
}

__global__ void __launch_bounds__(kThreads)
    value_counts(const int64_t* x, int64_t n, int64_t length, int64_t* counts) {
  count(n, length, counts, [=](int64_t i) { return x[i]; });
}

__global__ void __launch_bounds__(kThreads)
    weight_sums(const int64_t* x, const double* weights, int64_t n, double* sums) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step)
    atomicAdd(sums + x[i], weights[i]);
}

LaunchConfig walk(int64_t n, int64_t bins) {
  const int64_t most = properties().multiprocessors * 8, blocks = ceil_div(n, kThreads * 8);
  return {dim3(static_cast<unsigned>(blocks < most ? blocks : most)), dim3(kThreads),
          bins <= kShared ? static_cast<size_t>(bins) * sizeof(unsigned) : 0};
}

}  // namespace

void count_intervals(DType dtype, const void* x, int64_t n, double low, double high, int64_t bins,
                     int64_t* counts) {
  const double scale = static_cast<double>(bins) / (high - low);
  visit(dtype, [&]<class T>() {
    if constexpr (is_floating(dtype_of<T>))
      launch(interval_counts<T>, walk(n, bins), static_cast<const T*>(x), n, low, high, scale, bins, counts);
  });
}

void count_values(const int64_t* x, int64_t n, int64_t length, int64_t* counts) {
  launch(value_counts, walk(n, length), x, n, length, counts);
}

void sum_weights(const int64_t* x, const double* weights, int64_t n, double* sums) {
  launch(weight_sums, walk(n, kShared + 1), x, weights, n, sums);
}

}  // namespace plait::cuda
