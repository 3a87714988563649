// Runs of equal items.
#pragma once

#include "cub/util_type.cuh"

namespace cub {

struct DeviceRunLengthEncode {
  template <class In, class Unique, class Lengths, class Runs, class Count>
  static cudaError_t Encode(void* scratch, size_t& bytes, In in, Unique unique, Lengths lengths, Runs runs,
                            Count n, cudaStream_t stream = 0) {
    if (emulator::is_same_array(in, unique)) return cudaErrorInvalidValue;
    return emulator::cub_algorithm(
        "cub::DeviceRunLengthEncode::Encode", scratch, bytes, size_t(n) / 64, stream, [=]() mutable {
          size_t count = 0;
          for_each_run(in, size_t(n), [&](size_t begin, size_t end) {
            unique[count] = in[begin];
            lengths[count++] = static_cast<emulator::ValueOf<Lengths>>(end - begin);
          });
          *runs = static_cast<emulator::ValueOf<Runs>>(count);
        });
  }
  // Runs of two items and more: where they begin.
  template <class In, class Offsets, class Lengths, class Runs, class Count>
  static cudaError_t NonTrivialRuns(void* scratch, size_t& bytes, In in, Offsets offsets, Lengths lengths,
                                    Runs runs, Count n, cudaStream_t stream = 0) {
    return emulator::cub_algorithm(
        "cub::DeviceRunLengthEncode::NonTrivialRuns", scratch, bytes, size_t(n) / 64, stream, [=]() mutable {
          size_t count = 0;
          for_each_run(in, size_t(n), [&](size_t begin, size_t end) {
            if (end - begin == 1) return;
            offsets[count] = static_cast<emulator::ValueOf<Offsets>>(begin);
            lengths[count++] = static_cast<emulator::ValueOf<Lengths>>(end - begin);
          });
          *runs = static_cast<emulator::ValueOf<Runs>>(count);
        });
  }

 private:
  template <class In, class F>
  static void for_each_run(In in, size_t n, F f) {
    for (size_t begin = 0, end; begin < n; begin = end) {
      for (end = begin + 1; end < n && in[end] == in[begin];) ++end;
      f(begin, end);
    }
  }
};

}  // namespace cub
