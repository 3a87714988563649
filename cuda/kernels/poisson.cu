// Poisson numbers: an element a thread. Threads of a warp wait for the one that draws most often; up to rate
// 10 that is about twice the mean, beyond it four rounds.
#include "cuda/kernels/poisson.h"

#include "cuda/device/launch.cuh"
#include "ops/poisson.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    poisson_kernel(const RandomState state, const double* rates, double* out, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  const PhiloxKey key = state.key();
  out[i] = poisson_number(rates[i], key.seed, key.offset, static_cast<uint64_t>(i));
}

}  // namespace

void poisson(const RandomState& state, const double* rates, double* out, int64_t n) {
  launch(poisson_kernel, {static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads}, state, rates, out,
         n);
}

}  // namespace plait::cuda
