// Reductions of a warp: the result is its first lane's.
#pragma once

#include "cub/util_type.cuh"
#include "cuda/functional"

namespace cub {

template <class T, int kLanes = 32>
class WarpReduce {
  static_assert((kLanes & (kLanes - 1)) == 0 && kLanes <= 32, "a power of two of lanes");

 public:
  struct TempStorage {
    T values[kLanes];
  };
  explicit WarpReduce(TempStorage& storage) : storage_(storage) {}

  template <class Op>
  T Reduce(T value, Op op, int valid = kLanes) {
    const unsigned lane = emulator::lane() % kLanes;
    const unsigned mask = kLanes == 32 ? ~0u : ((1u << kLanes % 32) - 1) << (emulator::lane() - lane);
    storage_.values[lane] = value;
    __syncwarp(mask);
    if (lane == 0)
      for (int i = 1; i < valid; ++i) value = op(value, storage_.values[i]);
    __syncwarp(mask);
    return value;
  }
  T Sum(T value, int valid = kLanes) { return Reduce(value, ::cuda::std::plus<>{}, valid); }
  T Max(T value, int valid = kLanes) { return Reduce(value, ::cuda::maximum<>{}, valid); }
  T Min(T value, int valid = kLanes) { return Reduce(value, ::cuda::minimum<>{}, valid); }

 private:
  TempStorage& storage_;
};

}  // namespace cub
