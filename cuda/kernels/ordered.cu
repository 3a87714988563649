#include "cuda/kernels/ordered.h"

#include "cuda/device/atomics.cuh"
#include "cuda/device/launch.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__device__ __forceinline__ T combine_by(IndexedOp op, T to, T value) {
  switch (op) {
    case IndexedOp::Add: return combine<Reduce::Add>(to, value);
    case IndexedOp::Mul: return combine<Reduce::Mul>(to, value);
    default: break;
  }
  if constexpr (!is_complex_type<T>) {
    if (op == IndexedOp::Max) return combine<Reduce::Max>(to, value);
    if (op == IndexedOp::Min) return combine<Reduce::Min>(to, value);
  }
  return value;
}

template <class T>
__global__ void __launch_bounds__(kThreads) ordered_kernel(const OrderedPlan plan, IndexedOp op) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= plan.rows * plan.columns) return;
  const int64_t first = at / plan.columns, column = at % plan.columns;
  const uint64_t key = plan.keys[first];
  if (key == OrderedPlan::kNoPlace || (first > 0 && plan.keys[first - 1] == key)) return;
  int64_t offset = static_cast<int64_t>(key), rest = column;
  for (int d = plan.ndim - 1; d >= 0; --d) {
    offset += rest % plan.sizes[d] * plan.strides[d];
    rest /= plan.sizes[d];
  }
  T number;
  __builtin_memcpy(static_cast<void*>(&number), plan.number, sizeof(T));
  T* place = reinterpret_cast<T*>(plan.there + offset);
  T value = *place;
  for (int64_t p = first; p < plan.rows && plan.keys[p] == key; ++p)
    value = combine_by(
        op, value,
        plan.here ? reinterpret_cast<const T*>(plan.here)[plan.order[p] * plan.columns + column] : number);
  *place = value;
}

__global__ void __launch_bounds__(kThreads) number_kernel(uint32_t* order, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) order[i] = static_cast<uint32_t>(i);
}

LaunchConfig threads_for(int64_t n) { return {static_cast<unsigned>(ceil_div(n, kThreads)), kThreads}; }

}  // namespace

void combine_in_order(const OrderedPlan& plan, IndexedOp op, DType dtype) {
  visit(dtype, [&]<class Element>() {
    launch(ordered_kernel<device_t<Element>>, threads_for(plan.rows * plan.columns), plan, op);
  });
}

void number_rows(uint32_t* order, int64_t n) { launch(number_kernel, threads_for(n), order, n); }

}  // namespace plait::cuda
