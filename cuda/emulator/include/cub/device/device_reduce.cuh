// Reductions of a whole array.
#pragma once

#include <limits>

#include "cub/util_type.cuh"
#include "cuda/functional"
#include "cuda/std/functional"

namespace cub {

struct DeviceReduce {
  template <class In, class Out, class Count, class Op, class T>
  static cudaError_t Reduce(void* scratch, size_t& bytes, In in, Out out, Count n, Op op, T init,
                            cudaStream_t stream = 0) {
    return fold("cub::DeviceReduce::Reduce", scratch, bytes, in, out, n, op, init, stream);
  }
  template <class In, class Out, class Count, class Op, class Transform, class T>
  static cudaError_t TransformReduce(void* scratch, size_t& bytes, In in, Out out, Count n, Op op,
                                     Transform transform, T init, cudaStream_t stream = 0) {
    return emulator::cub_algorithm("cub::DeviceReduce::TransformReduce", scratch, bytes, kScratch * sizeof(T),
                                   stream, [=]() mutable {
                                     T all = init;
                                     for (size_t i = 0; i < size_t(n); ++i) all = op(all, transform(in[i]));
                                     *out = all;
                                   });
  }
  template <class In, class Out, class Count>
  static cudaError_t Sum(void* scratch, size_t& bytes, In in, Out out, Count n, cudaStream_t stream = 0) {
    return fold("cub::DeviceReduce::Sum", scratch, bytes, in, out, n, ::cuda::std::plus<>{},
                emulator::ValueOf<Out>{}, stream);
  }
  template <class In, class Out, class Count>
  static cudaError_t Min(void* scratch, size_t& bytes, In in, Out out, Count n, cudaStream_t stream = 0) {
    return fold("cub::DeviceReduce::Min", scratch, bytes, in, out, n, ::cuda::minimum<>{},
                std::numeric_limits<emulator::ValueOf<In>>::max(), stream);
  }
  template <class In, class Out, class Count>
  static cudaError_t Max(void* scratch, size_t& bytes, In in, Out out, Count n, cudaStream_t stream = 0) {
    return fold("cub::DeviceReduce::Max", scratch, bytes, in, out, n, ::cuda::maximum<>{},
                std::numeric_limits<emulator::ValueOf<In>>::lowest(), stream);
  }
  // The value and its index; of equal ones the first.
  template <class In, class Value, class Index>
  static cudaError_t ArgMin(void* scratch, size_t& bytes, In in, Value value, Index index, int64_t n,
                            cudaStream_t stream = 0) {
    return extremum("cub::DeviceReduce::ArgMin", scratch, bytes, in, value, index, n, stream,
                    [](const auto& a, const auto& b) { return a < b; });
  }
  template <class In, class Value, class Index>
  static cudaError_t ArgMax(void* scratch, size_t& bytes, In in, Value value, Index index, int64_t n,
                            cudaStream_t stream = 0) {
    return extremum("cub::DeviceReduce::ArgMax", scratch, bytes, in, value, index, n, stream,
                    [](const auto& a, const auto& b) { return b < a; });
  }
  // Each run of equal keys to one key and one value.
  template <class Keys, class UniqueKeys, class Values, class Sums, class Runs, class Op, class Count>
  static cudaError_t ReduceByKey(void* scratch, size_t& bytes, Keys keys, UniqueKeys unique, Values values,
                                 Sums sums, Runs runs, Op op, Count n, cudaStream_t stream = 0) {
    return emulator::cub_algorithm("cub::DeviceReduce::ReduceByKey", scratch, bytes, size_t(n) / 64, stream,
                                   [=]() mutable {
                                     size_t count = 0;
                                     for (size_t i = 0; i < size_t(n);) {
                                       auto all = emulator::ValueOf<Values>(values[i]);
                                       const size_t begin = i++;
                                       for (; i < size_t(n) && keys[i] == keys[begin]; ++i)
                                         all = op(all, values[i]);
                                       unique[count] = keys[begin];
                                       sums[count++] = all;
                                     }
                                     *runs = static_cast<emulator::ValueOf<Runs>>(count);
                                   });
  }

 private:
  static constexpr size_t kScratch = 5 * 132;  // a partial result for each block

  template <class In, class Out, class Count, class Op, class T>
  static cudaError_t fold(const char* name, void* scratch, size_t& bytes, In in, Out out, Count n, Op op,
                          T init, cudaStream_t stream) {
    return emulator::cub_algorithm(name, scratch, bytes, kScratch * sizeof(T), stream, [=]() mutable {
      T all = init;
      for (size_t i = 0; i < size_t(n); ++i) all = op(all, in[i]);
      *out = all;
    });
  }
  template <class In, class Value, class Index, class Better>
  static cudaError_t extremum(const char* name, void* scratch, size_t& bytes, In in, Value value, Index index,
                              int64_t n, cudaStream_t stream, Better better) {
    return emulator::cub_algorithm(name, scratch, bytes, kScratch * 16, stream, [=]() mutable {
      if (n <= 0) return;
      int64_t best = 0;
      for (int64_t i = 1; i < n; ++i)
        if (better(in[i], in[best])) best = i;
      *value = in[best];
      *index = static_cast<emulator::ValueOf<Index>>(best);
    });
  }
};

}  // namespace cub
