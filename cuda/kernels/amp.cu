#include "cuda/kernels/amp.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kBlockBytes = 1 << 16;  // of one gradient, for one block of threads: 16 vectors a thread
constexpr int kInFlight = 4;          // vectors that a thread loads before it uses the first

// One launch: within the 4 KiB that a kernel's arguments may have on every device.
struct Batch {
  static constexpr int kMax = 192;
  const float* inv_scale;
  float* found_inf;
  int count;
  uint32_t first[kMax];  // the first block of each gradient
  GradBlock grads[kMax];
};
static_assert(sizeof(Batch) <= 4096);

template <class T>
__device__ __forceinline__ bool scaled(T& x, float factor) {
  const opmath_t<T> v = to_op(x);
  x = from_op<T>(v * static_cast<opmath_t<T>>(factor));
  return !(v - v == opmath_t<T>(0));  // infinity less infinity is NaN
}

// One pass: 4 bytes read and 4 written an element of float32; nothing is written where the factor is 1, which
// asks for the check alone. The flag has one address that all may write the same value to.
template <class T>
__global__ void __launch_bounds__(kThreads) unscale_kernel(const Batch batch) {
  constexpr int kWidth = kVectorWidth<T>;
  constexpr int64_t kElements = kBlockBytes / sizeof(T);
  using V = Vector<T, kWidth>;

  int low = 0, high = batch.count - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (batch.first[middle] <= blockIdx.x)
      low = middle;
    else
      high = middle - 1;
  }
  const int64_t begin = (blockIdx.x - batch.first[low]) * kElements;
  const int64_t rest = batch.grads[low].numel - begin;
  const int n = static_cast<int>(rest < kElements ? rest : kElements);
  T* x = static_cast<T*>(batch.grads[low].data) + begin;
  const float factor = *batch.inv_scale;
  const bool writes = factor != 1;

  bool bad = false;
  const bool aligned = reinterpret_cast<uintptr_t>(x) % sizeof(V) == 0;
  const int vectors = aligned ? n / kWidth : 0;
  for (int i = static_cast<int>(threadIdx.x); i < vectors; i += kInFlight * kThreads) {
    V v[kInFlight];
#pragma unroll
    for (int k = 0; k < kInFlight; ++k)
      if (i + k * kThreads < vectors) v[k] = reinterpret_cast<const V*>(x)[i + k * kThreads];
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) {
      if (i + k * kThreads >= vectors) continue;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) bad |= scaled(v[k].at[j], factor);
      if (writes) reinterpret_cast<V*>(x)[i + k * kThreads] = v[k];
    }
  }
  for (int i = vectors * kWidth + static_cast<int>(threadIdx.x); i < n; i += kThreads) {
    T last = x[i];
    bad |= scaled(last, factor);
    if (writes) x[i] = last;
  }
  if (bad) *batch.found_inf = 1;
}

__global__ void update_scale_kernel(float* scale, int32_t* growth_tracker, const float* found_inf,
                                    ScaleRule rule) {
  if (*found_inf != 0) {
    *scale = static_cast<float>(*scale * rule.backoff);
    *growth_tracker = 0;
    return;
  }
  const int32_t good = *growth_tracker + 1;
  const bool grows = good == rule.interval;
  const float grown = static_cast<float>(*scale * rule.growth);
  if (grows && grown - grown == 0) *scale = grown;
  *growth_tracker = grows ? 0 : good;
}

template <class T>
void launch_unscale(const GradBlock* grads, int count, const float* inv_scale, float* found_inf) {
  constexpr int64_t kElements = kBlockBytes / sizeof(T);
  while (count > 0) {
    Batch batch{inv_scale, found_inf, 0, {}, {}};
    int64_t blocks = 0;
    for (; count > 0 && batch.count < Batch::kMax; ++grads, --count) {
      if (grads->numel == 0) continue;
      batch.first[batch.count] = static_cast<uint32_t>(blocks);
      batch.grads[batch.count++] = *grads;
      blocks += ceil_div(grads->numel, kElements);
    }
    if (blocks > 0) launch(unscale_kernel<T>, {static_cast<unsigned>(blocks), kThreads}, batch);
  }
}

}  // namespace

void unscale(DType dtype, const GradBlock* grads, int count, const float* inv_scale, float* found_inf) {
  switch (dtype) {
    case DType::Float16: return launch_unscale<Half>(grads, count, inv_scale, found_inf);
    case DType::BFloat16: return launch_unscale<BFloat16>(grads, count, inv_scale, found_inf);
    case DType::Float32: return launch_unscale<float>(grads, count, inv_scale, found_inf);
    default: return launch_unscale<double>(grads, count, inv_scale, found_inf);
  }
}

void update_scale(float* scale, int32_t* growth_tracker, const float* found_inf, const ScaleRule& rule) {
  launch(update_scale_kernel, {1, 1}, scale, growth_tracker, found_inf, rule);
}

}  // namespace plait::cuda
