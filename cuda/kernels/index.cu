#include "cuda/kernels/index.h"

#include "cuda/device/indexed.cuh"
#include "cuda/device/race.cuh"

namespace plait::cuda {
namespace {

using namespace indexed;

template <class Bits, int Indices>
__global__ void __launch_bounds__(kThreads) read_kernel(const Walk<Indices> walk) {
  const auto places = places_of(walk, first_step<Indices>());
  Bits value[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    value[u] = Bits{};  // a refused index gives zero
    if (places.there[u]) value[u] = *reinterpret_cast<const Bits*>(places.there[u]);
  }
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.here[u]) *reinterpret_cast<Bits*>(places.here[u]) = value[u];
}

template <class Bits>
__device__ __forceinline__ Bits number_bits(const int64_t (&number)[2]) {
  Bits bits;
  __builtin_memcpy(&bits, number, sizeof(Bits));
  return bits;
}

template <class Bits, int Indices>
__global__ void __launch_bounds__(kThreads) assign_kernel(const Walk<Indices> walk) {
  const auto places = places_of(walk, first_step<Indices>());
  const bool is_number = !walk.data[IndexedPlan::kHere];
  Bits value[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.there[u])
      value[u] = is_number ? number_bits<Bits>(walk.number) : *reinterpret_cast<const Bits*>(places.here[u]);
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.there[u])  // indices may come twice: one of their values stays
      store_in_any_order(reinterpret_cast<Bits*>(places.there[u]), value[u]);
}

template <class Bits, bool Read, int Indices>
void move(const IndexedPlan& plan, int width) {
  const auto walk = walk_of<Indices>(plan, width);
  launch(Read ? read_kernel<Bits, Indices> : assign_kernel<Bits, Indices>, {blocks_of(walk.count), kThreads},
         walk);
}

// The widest accesses that fit, up to 16 bytes.
template <bool Read>
void move(const IndexedPlan& plan, int64_t itemsize) {
  if (plan.numel == 0) return;
  const auto run = [&]<class Bits>() {
    const int width = static_cast<int>(sizeof(Bits) / itemsize);
    plan.indices <= 1 ? move<Bits, Read, 1>(plan, width)
                      : move<Bits, Read, IndexedPlan::kMaxIndices>(plan, width);
  };
  const auto fits = [&](int64_t bytes) {
    return bytes >= itemsize && is_vectorisable(plan, itemsize, static_cast<int>(bytes / itemsize));
  };
  if (fits(16)) return run.template operator()<bits_t<16>>();
  if (fits(8)) return run.template operator()<bits_t<8>>();
  if (fits(4)) return run.template operator()<bits_t<4>>();
  if (fits(2)) return run.template operator()<bits_t<2>>();
  run.template operator()<bits_t<1>>();
}

__global__ void __launch_bounds__(kThreads) offsets_kernel(const Walk<IndexedPlan::kMaxIndices> walk) {
  const auto places = places_of(walk, first_step<IndexedPlan::kMaxIndices>());
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (places.here[u])
      *reinterpret_cast<int64_t*>(places.here[u]) =
          places.there[u] ? places.there[u] - walk.data[IndexedPlan::kThere] : -1;
}

}  // namespace

void index_read(const IndexedPlan& plan, int64_t itemsize) { move<true>(plan, itemsize); }
void index_assign(const IndexedPlan& plan, int64_t itemsize) { move<false>(plan, itemsize); }

void index_offsets(const IndexedPlan& plan) {
  if (plan.numel == 0) return;
  const auto walk = walk_of<IndexedPlan::kMaxIndices>(plan, 1);
  launch(offsets_kernel, {blocks_of(walk.count), kThreads}, walk);
}

}  // namespace plait::cuda
