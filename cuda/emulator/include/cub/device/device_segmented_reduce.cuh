// Reductions of segments. An empty segment gives the initial value.
#pragma once

#include <limits>

#include "cub/util_type.cuh"
#include "cuda/functional"
#include "cuda/std/functional"

namespace cub {

struct DeviceSegmentedReduce {
  template <class In, class Out, class Begins, class Ends, class Op, class T>
  static cudaError_t Reduce(void* scratch, size_t& bytes, In in, Out out, int64_t count, Begins begins,
                            Ends ends, Op op, T init, cudaStream_t stream = 0) {
    return emulator::cub_algorithm("cub::DeviceSegmentedReduce::Reduce", scratch, bytes, 0, stream,
                                   [=]() mutable {
                                     for (int64_t s = 0; s < count; ++s) {
                                       T all = init;
                                       for (int64_t i = int64_t(begins[s]); i < int64_t(ends[s]); ++i)
                                         all = op(all, in[i]);
                                       out[s] = all;
                                     }
                                   });
  }
  template <class In, class Out, class Begins, class Ends>
  static cudaError_t Sum(void* scratch, size_t& bytes, In in, Out out, int64_t count, Begins begins,
                         Ends ends, cudaStream_t stream = 0) {
    return Reduce(scratch, bytes, in, out, count, begins, ends, ::cuda::std::plus<>{},
                  emulator::ValueOf<Out>{}, stream);
  }
  template <class In, class Out, class Begins, class Ends>
  static cudaError_t Min(void* scratch, size_t& bytes, In in, Out out, int64_t count, Begins begins,
                         Ends ends, cudaStream_t stream = 0) {
    return Reduce(scratch, bytes, in, out, count, begins, ends, ::cuda::minimum<>{},
                  std::numeric_limits<emulator::ValueOf<In>>::max(), stream);
  }
  template <class In, class Out, class Begins, class Ends>
  static cudaError_t Max(void* scratch, size_t& bytes, In in, Out out, int64_t count, Begins begins,
                         Ends ends, cudaStream_t stream = 0) {
    return Reduce(scratch, bytes, in, out, count, begins, ends, ::cuda::maximum<>{},
                  std::numeric_limits<emulator::ValueOf<In>>::lowest(), stream);
  }
};

}  // namespace cub
