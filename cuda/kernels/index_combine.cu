#include "cuda/device/atomics.cuh"
#include "cuda/device/indexed.cuh"
#include "cuda/kernels/index.h"

namespace plait::cuda {
namespace {

using namespace indexed;
using Launcher = void (*)(const IndexedPlan&);

template <class T>
__device__ __forceinline__ T number_of(const int64_t (&number)[2]) {
  T value;
  __builtin_memcpy(static_cast<void*>(&value), number, sizeof(T));
  return value;
}

template <Reduce R, class T, int Indices>
__global__ void __launch_bounds__(kThreads) combine_kernel(const Walk<Indices> walk) {
  const auto places = places_of(walk, first_step<Indices>());
  const bool is_number = !walk.data[IndexedPlan::kHere];
  T value[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.there[u])
      value[u] = is_number ? number_of<T>(walk.number) : *reinterpret_cast<const T*>(places.here[u]);
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.there[u]) atomic_combine<R>(reinterpret_cast<T*>(places.there[u]), value[u]);
}

template <class T, int Indices>
__global__ void __launch_bounds__(kThreads) add_vectors_kernel(const Walk<Indices> walk) {
  using V = Vector<T, kVectorWidth<T>>;
  const auto places = places_of(walk, first_step<Indices>());
  V value[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.there[u]) value[u] = *reinterpret_cast<const V*>(places.here[u]);
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.there[u]) atomic_add(reinterpret_cast<V*>(places.there[u]), value[u]);
}

template <Reduce R, class T, int Indices>
void run(const IndexedPlan& plan) {
  if (plan.numel == 0) return;
  if constexpr (R == Reduce::Add && (std::is_same_v<T, float> || is_16bit_float<T>)) {
    constexpr int width = kVectorWidth<T>;
    if (is_vectorisable(plan, sizeof(T), width)) {
      const auto walk = walk_of<Indices>(plan, width);
      return launch(add_vectors_kernel<T, Indices>, {blocks_of(walk.count), kThreads}, walk);
    }
  }
  const auto walk = walk_of<Indices>(plan, 1);
  launch(combine_kernel<R, T, Indices>, {blocks_of(walk.count), kThreads}, walk);
}

template <class T>
void add(const IndexedPlan& plan) {
  plan.indices <= 1 ? run<Reduce::Add, T, 1>(plan) : run<Reduce::Add, T, IndexedPlan::kMaxIndices>(plan);
}

}  // namespace

Launcher index_combine(IndexedOp op, DType dtype) {
  return visit(dtype, [&]<class Element>() -> Launcher {
    using T = device_t<Element>;
    constexpr bool ordered = !is_complex_type<T>;
    if (op == IndexedOp::Add) return &add<T>;
    if (op == IndexedOp::Mul) {
      if constexpr (sizeof(T) <= 8) return &run<Reduce::Mul, T, 1>;
    } else if (op == IndexedOp::Max) {
      if constexpr (ordered) return &run<Reduce::Max, T, 1>;
    } else if (op == IndexedOp::Min) {
      if constexpr (ordered) return &run<Reduce::Min, T, 1>;
    }
    return nullptr;
  });
}

}  // namespace plait::cuda
