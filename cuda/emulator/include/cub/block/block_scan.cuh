// Scans of a block, one item a thread.
#pragma once

#include "cub/util_type.cuh"
#include "cuda/functional"

namespace cub {

enum BlockScanAlgorithm { BLOCK_SCAN_RAKING, BLOCK_SCAN_RAKING_MEMOIZE, BLOCK_SCAN_WARP_SCANS };

template <class T, int kX, BlockScanAlgorithm = BLOCK_SCAN_RAKING, int kY = 1, int kZ = 1>
class BlockScan {
 public:
  struct TempStorage {
    T values[kX * kY * kZ];
  };
  explicit BlockScan(TempStorage& storage) : storage_(storage) {}

  template <class Op>
  void InclusiveScan(T in, T& out, Op op, T& total) {
    storage_.values[emulator::thread_rank] = in;
    __syncthreads();
    T sum = storage_.values[0];
    for (unsigned i = 1; i < kX * kY * kZ; ++i) {
      if (i == emulator::thread_rank + 1) out = sum;
      sum = op(sum, storage_.values[i]);
    }
    if (emulator::thread_rank == kX * kY * kZ - 1) out = sum;
    total = sum;
  }
  template <class Op>
  void InclusiveScan(T in, T& out, Op op) {
    T total;
    InclusiveScan(in, out, op, total);
  }
  template <class Op>
  void ExclusiveScan(T in, T& out, T init, Op op, T& total) {
    storage_.values[emulator::thread_rank] = in;
    __syncthreads();
    T before = init;
    for (unsigned i = 0; i < emulator::thread_rank; ++i) before = op(before, storage_.values[i]);
    out = before;
    total = storage_.values[0];
    for (unsigned i = 1; i < kX * kY * kZ; ++i) total = op(total, storage_.values[i]);
  }
  template <class Op>
  void ExclusiveScan(T in, T& out, T init, Op op) {
    T total;
    ExclusiveScan(in, out, init, op, total);
  }
  void InclusiveSum(T in, T& out) { InclusiveScan(in, out, ::cuda::std::plus<>{}); }
  void InclusiveSum(T in, T& out, T& total) { InclusiveScan(in, out, ::cuda::std::plus<>{}, total); }
  void ExclusiveSum(T in, T& out) { ExclusiveScan(in, out, T{}, ::cuda::std::plus<>{}); }
  void ExclusiveSum(T in, T& out, T& total) { ExclusiveScan(in, out, T{}, ::cuda::std::plus<>{}, total); }

 private:
  TempStorage& storage_;
};

}  // namespace cub
