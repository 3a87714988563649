#include "cuda/kernels/loss.h"

#include "cuda/device/fault.cuh"
#include "cuda/device/reduce_kernel.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct SquaredDistance {
  static constexpr bool kPair = true;
  using Element = T;
  using O = opmath_t<T>;
  using Lane = O;
  using Acc = double;
  double divisor;

  __device__ Lane start(int64_t) const { return O(0); }
  __device__ T neutral() const { return from_op<T>(O(0)); }
  __device__ O step(O a, O b) const { return a + b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], const T (&y)[N], int, const I&) const {
    O part[N];
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const O d = to_op(x[i]) - to_op(y[i]);
      part[i] = d * d;
    }
    fold<N>(*this, part);
    lane += part[0];
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return a + b; }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    reinterpret_cast<T*>(out[0])[at] = from_op<T>(static_cast<O>(acc / divisor));
  }
};

constexpr int kThreads = 256;
constexpr int kInFlight = 4;  // vectors that a thread has asked for at a time

// A grid that walks n elements, some in each thread.
LaunchConfig walk(int64_t n) {
  const int64_t most = properties().multiprocessors * 8, blocks = ceil_div(n, kThreads * 4);
  return {dim3(static_cast<unsigned>(blocks < most ? blocks : most)), dim3(kThreads)};
}

template <class T>
__global__ void __launch_bounds__(kThreads) probabilities(const T* x, int64_t n, OpName op, Fault* fault) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 4
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    const auto value = to_op(x[i]);
    if (value < 0 || value > 1) report_probability(fault, op, static_cast<double>(value));
  }
}

template <class O>
__device__ O number_at(const void* p, DType dtype) {
  switch (dtype) {
    case DType::Float16: return static_cast<O>(to_op(*static_cast<const Half*>(p)));
    case DType::BFloat16: return static_cast<O>(to_op(*static_cast<const BFloat16*>(p)));
    case DType::Float32: return static_cast<O>(*static_cast<const float*>(p));
    default: return static_cast<O>(*static_cast<const double*>(p));
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    scaled(const T* x, int64_t n, DType factor_dtype, const void* factor, T* out) {
  using O = opmath_t<T>;
  constexpr int W = kVectorWidth<T>;
  using V = Vector<T, W>;
  const O by = number_at<O>(factor, factor_dtype);
  if (by == O(1) && x == out) return;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x,
                step = static_cast<int64_t>(gridDim.x) * kThreads;
  const bool aligned = (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(out)) % sizeof(V) == 0;
  const int64_t vectors = aligned ? n / W : 0;
  for (int64_t i = first; i < vectors; i += kInFlight * step) {
    V v[kInFlight];
#pragma unroll
    for (int u = 0; u < kInFlight; ++u)
      if (i + u * step < vectors) v[u] = load_streaming(reinterpret_cast<const V*>(x) + i + u * step);
#pragma unroll
    for (int u = 0; u < kInFlight; ++u) {
      if (i + u * step >= vectors) continue;
#pragma unroll
      for (int k = 0; k < W; ++k) v[u].at[k] = from_op<T>(to_op(v[u].at[k]) * by);
      store_streaming(reinterpret_cast<V*>(out) + i + u * step, v[u]);
    }
  }
  for (int64_t i = vectors * W + first; i < n; i += step) out[i] = from_op<T>(to_op(x[i]) * by);
}

struct Strides {
  int64_t row, of_class, item;
};
// What the target of each row and place picks: from a tensor (Read), or to one.
template <class T, bool Read>
__global__ void __launch_bounds__(kThreads)
    picks(NllPlan plan, const T* from, Strides strides, T* to, OpName op) {
  const T* weight = static_cast<const T*>(plan.weight);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads, n = plan.rows * plan.line;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    const int64_t c = plan.target[i];
    const bool good = c >= 0 && c < plan.classes, kept = good && c != plan.ignore_index;
    if (!good && c != plan.ignore_index) report_target(plan.fault, op, c, plan.classes, i);
    const int64_t place =
        kept ? i / plan.line * strides.row + c * strides.of_class + i % plan.line * strides.item : 0;
    using O = opmath_t<T>;
    O value = kept ? -to_op(from[Read ? place : i]) : O(0);
    if (kept && weight) value *= to_op(weight[c]);
    if (Read)
      to[i] = from_op<T>(value);
    else if (kept)
      to[place] = from_op<T>(value);
  }
}
template <bool Read>
void run_picks(const NllPlan& plan, const void* from, Strides strides, void* to) {
  visit(plan.dtype, [&]<class T>() {
    if constexpr (is_floating(dtype_of<T>))
      launch(picks<T, Read>, walk(plan.rows * plan.line), plan, static_cast<const T*>(from), strides,
             static_cast<T*>(to), "nll_loss");
  });
}

}  // namespace

void squared_distance(DType dtype, const ReducePlan& plan) {
  visit(dtype, [&]<class T>() {
    if constexpr (is_floating(dtype_of<T>))
      run_reduction<ReduceVectors::Rows>(plan, SquaredDistance<T>{plan.params.divisor});
  });
}

void check_probabilities(DType dtype, const void* x, int64_t n, Fault* fault) {
  visit(dtype, [&]<class T>() {
    if constexpr (is_floating(dtype_of<T>))
      launch(probabilities<T>, walk(n), static_cast<const T*>(x), n, "binary_cross_entropy", fault);
  });
}

void scale(DType dtype, const void* x, int64_t n, DType factor_dtype, const void* factor, void* out) {
  visit(dtype, [&]<class T>() {
    if constexpr (is_floating(dtype_of<T>))
      launch(scaled<T>, walk(n * static_cast<int64_t>(sizeof(T)) / 16 + 1), static_cast<const T*>(x), n,
             factor_dtype, factor, static_cast<T*>(out));
  });
}

void nll_terms(const NllPlan& plan, const void* x, const int64_t (&strides)[3], void* out) {
  run_picks<true>(plan, x, {strides[0], strides[1], strides[2]}, out);
}
void nll_terms_backward(const NllPlan& plan, const void* upper, void* gradient) {
  run_picks<false>(plan, upper, {plan.classes * plan.line, plan.line, 1}, gradient);
}

}  // namespace plait::cuda
