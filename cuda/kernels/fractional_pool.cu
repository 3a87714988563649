// A thread computes one element of the result.
#include "cuda/kernels/fractional_pool.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/row_math.cuh"
#include "cuda/kernels/visit_float.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ float mul_rn(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double mul_rn(double a, double b) { return __dmul_rn(a, b); }

// Where window o along a dimension begins, as on the CPU.
template <class O>
__device__ __forceinline__ int64_t begin_of(O sample, int64_t in, int64_t out, int64_t kernel, int64_t o) {
  if (o == out - 1) return in - kernel;
  sample = sample > 0 ? sample < 1 ? sample : O(1) : O(0);
  const O step = static_cast<O>(in - kernel) / static_cast<O>(out - 1);
  return static_cast<int64_t>(mul_rn(static_cast<O>(o) + sample, step)) -
         static_cast<int64_t>(mul_rn(sample, step));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    pool(const FractionalPoolPlan p, const T* x, const T* samples, T* values, int64_t* indices) {
  using O = opmath_t<T>;
  const int64_t results = p.out[0] * p.out[1] * p.out[2];
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.planes * results) return;
  const int64_t plane = i / results, place = i - plane * results;
  const int64_t at[3] = {place / (p.out[1] * p.out[2]), place / p.out[2] % p.out[1], place % p.out[2]};
  int64_t begin[3] = {0, 0, 0};
  for (int d = 3 - p.rank; d < 3; ++d) {
    const int which = p.rank == 3 ? d : 2 - d;
    begin[d] = begin_of(to_op(samples[plane * p.rank + which]), p.in[d], p.out[d], p.kernel[d], at[d]);
  }
  const T* from = x + plane / p.channels * p.strides[0] + plane % p.channels * p.strides[1];
  O best = 0;
  int64_t where = -1;
  for (int64_t z = begin[0]; z < begin[0] + p.kernel[0]; ++z)
    for (int64_t y = begin[1]; y < begin[1] + p.kernel[1]; ++y)
      for (int64_t w = begin[2]; w < begin[2] + p.kernel[2]; ++w) {
        const O value = to_op(from[z * p.strides[2] + y * p.strides[3] + w * p.strides[4]]);
        if (where >= 0 && !(value > best) && value == value) continue;
        best = value;
        where = (z * p.in[1] + y) * p.in[2] + w;
      }
  values[i] = from_op<T>(best);
  indices[i] = where;
}

}  // namespace

void fractional_max_pool(const FractionalPoolPlan& p, const void* x, const void* samples, void* values,
                         int64_t* indices) {
  visit_float(p.dtype, [&]<class T>() {
    const int64_t count = p.planes * p.out[0] * p.out[1] * p.out[2];
    launch(pool<T>, {dim3(static_cast<unsigned>(ceil_div(count, kThreads))), dim3(kThreads)}, p,
           static_cast<const T*>(x), static_cast<const T*>(samples), static_cast<T*>(values), indices);
  });
}

}  // namespace plait::cuda
