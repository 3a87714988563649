// Reductions of a block: the result is its first thread's.
#pragma once

#include "cub/util_type.cuh"
#include "cuda/functional"

namespace cub {

enum BlockReduceAlgorithm {
  BLOCK_REDUCE_RAKING_COMMUTATIVE_ONLY,
  BLOCK_REDUCE_RAKING,
  BLOCK_REDUCE_WARP_REDUCTIONS
};

template <class T, int kX, BlockReduceAlgorithm = BLOCK_REDUCE_WARP_REDUCTIONS, int kY = 1, int kZ = 1>
class BlockReduce {
 public:
  struct TempStorage {
    T values[kX * kY * kZ];
  };
  explicit BlockReduce(TempStorage& storage) : storage_(storage) {}

  template <class Op>
  T Reduce(T value, Op op, int valid = kX * kY * kZ) {
    const unsigned rank = emulator::thread_rank;
    storage_.values[rank] = value;
    __syncthreads();
    if (rank == 0)
      for (int i = 1; i < valid; ++i) value = op(value, storage_.values[i]);
    return value;
  }
  T Sum(T value, int valid = kX * kY * kZ) { return Reduce(value, ::cuda::std::plus<>{}, valid); }

 private:
  TempStorage& storage_;
};

}  // namespace cub
