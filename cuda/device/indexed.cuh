// The walk of kernels/index.h. A functor is given the places of an element, or of a vector, in both tensors.
#pragma once

#include "cuda/device/elementwise.cuh"
#include "cuda/device/fault.cuh"
#include "cuda/kernels/index.h"

namespace plait::cuda::indexed {

constexpr int kThreads = 256;
constexpr int kUnroll = 4;

template <int Indices>
struct Walk {
  int64_t count;
  int ndim;
  int indices;
  FastDivisor sizes[IndexedPlan::kMaxDims];
  int64_t strides[IndexedPlan::kMaxDims][IndexedPlan::kIndex + Indices];
  char* data[IndexedPlan::kIndex + Indices];
  int64_t number[2];
  IndexedDim index[Indices];
  OpName op;
  Fault* fault;
};

// `width` elements of the plan's innermost dimension are one step.
template <int Indices>
Walk<Indices> walk_of(const IndexedPlan& plan, int width) {
  constexpr int operands = IndexedPlan::kIndex + Indices;
  Walk<Indices> walk{};
  walk.count = plan.numel / width;
  walk.ndim = plan.ndim;
  walk.indices = plan.indices;
  for (int d = 0; d < plan.ndim; ++d) {
    const int64_t size = d == 0 ? plan.sizes[0] / width : plan.sizes[d];
    walk.sizes[d] = FastDivisor(static_cast<uint32_t>(size ? size : 1));
    for (int k = 0; k < operands; ++k) walk.strides[d][k] = plan.strides[d][k] * (d == 0 ? width : 1);
  }
  for (int k = 0; k < operands; ++k) walk.data[k] = plan.data[k];
  for (int i = 0; i < 2; ++i) walk.number[i] = plan.number[i];
  for (int k = 0; k < Indices; ++k) walk.index[k] = plan.index[k];
  walk.op = plan.op;
  walk.fault = plan.fault;
  return walk;
}

// Elements of `bytes` that can be moved `width` at a time: both tensors are contiguous and aligned along the
// innermost dimension, where no index varies.
inline bool is_vectorisable(const IndexedPlan& plan, int64_t bytes, int width) {
  if (width == 1) return true;
  const int64_t whole = bytes * width;
  if (plan.sizes[0] % width) return false;
  for (int k = IndexedPlan::kIndex; k < IndexedPlan::kIndex + plan.indices; ++k)
    if (plan.strides[0][k] != 0) return false;
  for (int k = 0; k < IndexedPlan::kIndex; ++k) {
    if (plan.strides[0][k] != bytes || !plan.data[k] || reinterpret_cast<uintptr_t>(plan.data[k]) % whole)
      return false;
    for (int d = 1; d < plan.ndim; ++d)
      if (plan.strides[d][k] % whole) return false;
  }
  for (int k = 0; k < plan.indices; ++k)
    if (plan.index[k].stride % whole) return false;
  return true;
}

// kUnroll steps of a thread: first all offsets, then all indices are loaded, then they are checked, so that
// the loads of a phase are in flight together. `there` is null where the index is refused or skipped, and
// beyond the end.
template <int Indices>
struct Places {
  char *there[kUnroll], *here[kUnroll];
};

template <int Indices>
__device__ __forceinline__ int64_t first_step() {
  return static_cast<int64_t>(blockIdx.x) * (kThreads * kUnroll) + threadIdx.x;
}

template <int Indices>
__device__ __forceinline__ Places<Indices> places_of(const Walk<Indices>& walk, int64_t first) {
  constexpr int operands = IndexedPlan::kIndex + Indices;
  int64_t offset[kUnroll][operands];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t at = first + u * kThreads;
#pragma unroll
    for (int k = 0; k < operands; ++k) offset[u][k] = 0;
    if (at >= walk.count) continue;
    if (walk.ndim == 1) {
#pragma unroll
      for (int k = 0; k < operands; ++k) offset[u][k] = at * walk.strides[0][k];
    } else {
      uint32_t rest = static_cast<uint32_t>(at);
#pragma unroll 1
      for (int d = 0; d < walk.ndim; ++d) {
        uint32_t i;
        rest = walk.sizes[d].divide(rest, i);
#pragma unroll
        for (int k = 0; k < operands; ++k) offset[u][k] += i * walk.strides[d][k];
      }
    }
  }
  int64_t index[kUnroll][Indices];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
    for (int k = 0; k < Indices; ++k) {
      index[u][k] = 0;
      if (k >= walk.indices || first + u * kThreads >= walk.count) continue;
      const char* from = walk.data[IndexedPlan::kIndex + k] + offset[u][IndexedPlan::kIndex + k];
      index[u][k] = walk.index[k].wide ? *reinterpret_cast<const int64_t*>(from)
                                       : *reinterpret_cast<const int32_t*>(from);
    }
  }
  Places<Indices> places;
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const bool inside = first + u * kThreads < walk.count;
    bool good = inside;
    int64_t there = offset[u][IndexedPlan::kThere];
#pragma unroll
    for (int k = 0; k < Indices; ++k) {
      if (k >= walk.indices) continue;
      const IndexedDim& dim = walk.index[k];
      const int64_t given = index[u][k];
      const int64_t at = dim.wrap && given < 0 ? given + dim.size : given;
      if (given == dim.skipped) {
        good = false;
      } else if (inside && static_cast<uint64_t>(at) >= static_cast<uint64_t>(dim.size)) {
        good = false;
        report_fault(walk.fault, dim.wrap ? FaultKind::Index : FaultKind::PositiveIndex, walk.op, given,
                     dim.size, dim.dim);
      }
      there += at * dim.stride;
    }
    places.there[u] = good ? walk.data[IndexedPlan::kThere] + there : nullptr;
    places.here[u] = inside ? walk.data[IndexedPlan::kHere] + offset[u][IndexedPlan::kHere] : nullptr;
  }
  return places;
}

inline unsigned blocks_of(int64_t count) {
  return static_cast<unsigned>(ceil_div(count, kThreads * kUnroll));
}

}  // namespace plait::cuda::indexed
