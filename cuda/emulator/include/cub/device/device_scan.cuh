// Prefix sums and other scans. The order of the operations is from the left, one after another.
#pragma once

#include "cub/util_type.cuh"
#include "cuda/std/functional"

namespace cub {

struct DeviceScan {
  template <class In, class Out, class Count>
  static cudaError_t InclusiveSum(void* scratch, size_t& bytes, In in, Out out, Count n,
                                  cudaStream_t stream = 0) {
    return inclusive("cub::DeviceScan::InclusiveSum", scratch, bytes, in, out, ::cuda::std::plus<>{}, n,
                     stream);
  }
  template <class Data, class Count>
  static cudaError_t InclusiveSum(void* scratch, size_t& bytes, Data data, Count n, cudaStream_t stream = 0) {
    return InclusiveSum(scratch, bytes, data, data, n, stream);
  }
  template <class In, class Out, class Op, class Count>
  static cudaError_t InclusiveScan(void* scratch, size_t& bytes, In in, Out out, Op op, Count n,
                                   cudaStream_t stream = 0) {
    return inclusive("cub::DeviceScan::InclusiveScan", scratch, bytes, in, out, op, n, stream);
  }
  template <class In, class Out, class Op, class Init, class Count>
  static cudaError_t InclusiveScanInit(void* scratch, size_t& bytes, In in, Out out, Op op, Init init,
                                       Count n, cudaStream_t stream = 0) {
    using T = decltype(op(init, in[0]));
    return scan<T>("cub::DeviceScan::InclusiveScanInit", scratch, bytes, n, stream, [=]() mutable {
      T sum = init;
      for (size_t i = 0; i < size_t(n); ++i) {
        sum = op(sum, in[i]);
        out[i] = sum;
      }
    });
  }
  template <class In, class Out, class Count>
  static cudaError_t ExclusiveSum(void* scratch, size_t& bytes, In in, Out out, Count n,
                                  cudaStream_t stream = 0) {
    return ExclusiveScan(scratch, bytes, in, out, ::cuda::std::plus<>{}, emulator::ValueOf<In>{}, n, stream);
  }
  template <class Data, class Count>
  static cudaError_t ExclusiveSum(void* scratch, size_t& bytes, Data data, Count n, cudaStream_t stream = 0) {
    return ExclusiveSum(scratch, bytes, data, data, n, stream);
  }
  template <class In, class Out, class Op, class Init, class Count>
  static cudaError_t ExclusiveScan(void* scratch, size_t& bytes, In in, Out out, Op op, Init init, Count n,
                                   cudaStream_t stream = 0) {
    return scan<Init>("cub::DeviceScan::ExclusiveScan", scratch, bytes, n, stream, [=]() mutable {
      Init sum = init;
      for (size_t i = 0; i < size_t(n); ++i) {
        const Init next = op(sum, in[i]);
        out[i] = sum;
        sum = next;
      }
    });
  }

  // Scans that begin anew where the key changes.
  template <class Keys, class In, class Out, class Op, class Count, class Equal = ::cuda::std::equal_to<>>
  static cudaError_t InclusiveScanByKey(void* scratch, size_t& bytes, Keys keys, In in, Out out, Op op,
                                        Count n, Equal equal = {}, cudaStream_t stream = 0) {
    using T = emulator::ValueOf<In>;
    return scan<T>("cub::DeviceScan::InclusiveScanByKey", scratch, bytes, n, stream, [=]() mutable {
      T sum{};
      for (size_t i = 0; i < size_t(n); ++i) {
        sum = i > 0 && equal(keys[i - 1], keys[i]) ? T(op(sum, in[i])) : T(in[i]);
        out[i] = sum;
      }
    });
  }
  template <class Keys, class In, class Out, class Count, class Equal = ::cuda::std::equal_to<>>
  static cudaError_t InclusiveSumByKey(void* scratch, size_t& bytes, Keys keys, In in, Out out, Count n,
                                       Equal equal = {}, cudaStream_t stream = 0) {
    return InclusiveScanByKey(scratch, bytes, keys, in, out, ::cuda::std::plus<>{}, n, equal, stream);
  }
  template <class Keys, class In, class Out, class Op, class Init, class Count,
            class Equal = ::cuda::std::equal_to<>>
  static cudaError_t ExclusiveScanByKey(void* scratch, size_t& bytes, Keys keys, In in, Out out, Op op,
                                        Init init, Count n, Equal equal = {}, cudaStream_t stream = 0) {
    return scan<Init>("cub::DeviceScan::ExclusiveScanByKey", scratch, bytes, n, stream, [=]() mutable {
      Init sum = init;
      for (size_t i = 0; i < size_t(n); ++i) {
        if (i > 0 && !equal(keys[i - 1], keys[i])) sum = init;
        const Init next = op(sum, in[i]);
        out[i] = sum;
        sum = next;
      }
    });
  }
  template <class Keys, class In, class Out, class Count, class Equal = ::cuda::std::equal_to<>>
  static cudaError_t ExclusiveSumByKey(void* scratch, size_t& bytes, Keys keys, In in, Out out, Count n,
                                       Equal equal = {}, cudaStream_t stream = 0) {
    return ExclusiveScanByKey(scratch, bytes, keys, in, out, ::cuda::std::plus<>{}, emulator::ValueOf<In>{},
                              n, equal, stream);
  }

 private:
  // The decoupled look-back keeps a few bytes a tile.
  template <class T, class Count, class Body>
  static cudaError_t scan(const char* name, void* scratch, size_t& bytes, Count n, cudaStream_t stream,
                          Body body) {
    return emulator::cub_algorithm(name, scratch, bytes, size_t(n) / 1024 * (2 * sizeof(T) + 8), stream,
                                   body);
  }
  template <class In, class Out, class Op, class Count>
  static cudaError_t inclusive(const char* name, void* scratch, size_t& bytes, In in, Out out, Op op, Count n,
                               cudaStream_t stream) {
    using T = emulator::ValueOf<In>;
    return scan<T>(name, scratch, bytes, n, stream, [=]() mutable {
      if (n <= 0) return;
      T sum = in[0];
      out[0] = sum;
      for (size_t i = 1; i < size_t(n); ++i) {
        sum = op(sum, in[i]);
        out[i] = sum;
      }
    });
  }
};

}  // namespace cub
