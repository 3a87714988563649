// The CUDA runtime, with every status checked.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace plait::cuda {

// Raises RuntimeError with CUDA's name and text of the error, the failed call, and what it may mean.
[[noreturn]] void fail_cuda(cudaError_t status, const char* call, const char* file, int line);

#define check_cuda(call)                                                      \
  do {                                                                        \
    const cudaError_t check_cuda_status = (call);                             \
    if (__builtin_expect(check_cuda_status != cudaSuccess, 0))                \
      ::plait::cuda::fail_cuda(check_cuda_status, #call, __FILE__, __LINE__); \
  } while (0)

// Of a status that was looked at before.
inline void check_status(cudaError_t status, const char* call, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
  if (__builtin_expect(status != cudaSuccess, 0)) fail_cuda(status, call, file, line);
}

}  // namespace plait::cuda
