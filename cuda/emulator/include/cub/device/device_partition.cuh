// The selected items first, in their order; the others behind them, in reversed order.
#pragma once

#include "cub/util_type.cuh"

namespace cub {

struct DevicePartition {
  template <class In, class Flags, class Out, class Selected, class Count>
  static cudaError_t Flagged(void* scratch, size_t& bytes, In in, Flags flags, Out out, Selected selected,
                             Count n, cudaStream_t stream = 0) {
    return split("cub::DevicePartition::Flagged", scratch, bytes, in, out, selected, n, stream,
                 [=](size_t i) mutable { return bool(flags[i]); });
  }
  template <class In, class Out, class Selected, class Count, class Op>
  static cudaError_t If(void* scratch, size_t& bytes, In in, Out out, Selected selected, Count n, Op op,
                        cudaStream_t stream = 0) {
    return split("cub::DevicePartition::If", scratch, bytes, in, out, selected, n, stream,
                 [=](size_t i) mutable { return bool(op(in[i])); });
  }

 private:
  template <class In, class Out, class Selected, class Count, class Test>
  static cudaError_t split(const char* name, void* scratch, size_t& bytes, In in, Out out, Selected selected,
                           Count n, cudaStream_t stream, Test test) {
    if (emulator::is_same_array(in, out)) return cudaErrorInvalidValue;
    return emulator::cub_algorithm(name, scratch, bytes, size_t(n) / 64, stream, [=]() mutable {
      size_t first = 0, last = size_t(n);
      for (size_t i = 0; i < size_t(n); ++i) out[test(i) ? first++ : --last] = in[i];
      *selected = static_cast<emulator::ValueOf<Selected>>(first);
    });
  }
};

}  // namespace cub
