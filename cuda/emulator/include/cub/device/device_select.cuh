// Keeping some of the items, in their order.
#pragma once

#include "cub/util_type.cuh"
#include "cuda/std/functional"

namespace cub {

struct DeviceSelect {
  template <class In, class Flags, class Out, class Selected, class Count>
  static cudaError_t Flagged(void* scratch, size_t& bytes, In in, Flags flags, Out out, Selected selected,
                             Count n, cudaStream_t stream = 0) {
    if (emulator::is_same_array(in, out)) return cudaErrorInvalidValue;
    return keep("cub::DeviceSelect::Flagged", scratch, bytes, in, out, selected, n, stream,
                [=](size_t i) mutable { return bool(flags[i]); });
  }
  template <class Data, class Flags, class Selected, class Count>
  static cudaError_t Flagged(void* scratch, size_t& bytes, Data data, Flags flags, Selected selected, Count n,
                             cudaStream_t stream = 0) {
    return keep("cub::DeviceSelect::Flagged", scratch, bytes, data, data, selected, n, stream,
                [=](size_t i) mutable { return bool(flags[i]); });
  }
  template <class In, class Out, class Selected, class Count, class Op>
  static cudaError_t If(void* scratch, size_t& bytes, In in, Out out, Selected selected, Count n, Op op,
                        cudaStream_t stream = 0) {
    if (emulator::is_same_array(in, out)) return cudaErrorInvalidValue;
    return keep("cub::DeviceSelect::If", scratch, bytes, in, out, selected, n, stream,
                [=](size_t i) mutable { return bool(op(in[i])); });
  }
  template <class In, class Flags, class Out, class Selected, class Count, class Op>
  static cudaError_t FlaggedIf(void* scratch, size_t& bytes, In in, Flags flags, Out out, Selected selected,
                               Count n, Op op, cudaStream_t stream = 0) {
    if (emulator::is_same_array(in, out)) return cudaErrorInvalidValue;
    return keep("cub::DeviceSelect::FlaggedIf", scratch, bytes, in, out, selected, n, stream,
                [=](size_t i) mutable { return bool(op(flags[i])); });
  }
  // The first of each run of equal items.
  template <class In, class Out, class Selected, class Count>
  static cudaError_t Unique(void* scratch, size_t& bytes, In in, Out out, Selected selected, Count n,
                            cudaStream_t stream = 0) {
    if (emulator::is_same_array(in, out)) return cudaErrorInvalidValue;
    return keep("cub::DeviceSelect::Unique", scratch, bytes, in, out, selected, n, stream,
                [=](size_t i) mutable { return i == 0 || !(in[i] == in[i - 1]); });
  }
  template <class Keys, class Values, class KeysOut, class ValuesOut, class Selected, class Count,
            class Equal = ::cuda::std::equal_to<>>
  static cudaError_t UniqueByKey(void* scratch, size_t& bytes, Keys keys, Values values, KeysOut keys_out,
                                 ValuesOut values_out, Selected selected, Count n, Equal equal,
                                 cudaStream_t stream = 0) {
    if (emulator::is_same_array(keys, keys_out) || emulator::is_same_array(values, values_out))
      return cudaErrorInvalidValue;
    return emulator::cub_algorithm("cub::DeviceSelect::UniqueByKey", scratch, bytes, size_t(n) / 64, stream,
                                   [=]() mutable {
                                     size_t kept = 0;
                                     for (size_t i = 0; i < size_t(n); ++i) {
                                       if (i > 0 && equal(keys[i - 1], keys[i])) continue;
                                       keys_out[kept] = keys[i];
                                       values_out[kept++] = values[i];
                                     }
                                     *selected = static_cast<emulator::ValueOf<Selected>>(kept);
                                   });
  }
  template <class Keys, class Values, class KeysOut, class ValuesOut, class Selected, class Count>
  static cudaError_t UniqueByKey(void* scratch, size_t& bytes, Keys keys, Values values, KeysOut keys_out,
                                 ValuesOut values_out, Selected selected, Count n, cudaStream_t stream = 0) {
    return UniqueByKey(scratch, bytes, keys, values, keys_out, values_out, selected, n,
                       ::cuda::std::equal_to<>{}, stream);
  }

 private:
  template <class In, class Out, class Selected, class Count, class Test>
  static cudaError_t keep(const char* name, void* scratch, size_t& bytes, In in, Out out, Selected selected,
                          Count n, cudaStream_t stream, Test test) {
    return emulator::cub_algorithm(name, scratch, bytes, size_t(n) / 64, stream, [=]() mutable {
      size_t kept = 0;
      for (size_t i = 0; i < size_t(n); ++i)
        if (test(i)) out[kept++] = in[i];
      *selected = static_cast<emulator::ValueOf<Selected>>(kept);
    });
  }
};

}  // namespace cub
