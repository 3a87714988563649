// Launching kernels, and queueing other work, in place of <<<>>> and cudaLaunchKernel().
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "cuda_runtime_api.h"

namespace emulator {

#pragma GCC visibility push(default)

// What is queued on a stream, as the counters and graphs tell it apart.
enum class WorkKind { Kernel, Library, Copy, Fill, Host, Event };

// `call(body)` is made once for each thread of each block, when somebody waits for the stream. `kernel` names
// the kernel for cudaFuncSetAttribute() and in messages; it may be null.
cudaError_t launch_threads(const void* kernel, dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                           std::shared_ptr<const void> body, void (*call)(const void* body));

// Queues a function of the host that works on device memory, as a library's kernel would be (CUB, cuBLASLt).
// `api` is its name for ordered failures.
cudaError_t enqueue(const char* api, cudaStream_t stream, WorkKind kind, std::function<void()> body);

// What plait_emulator_fail_after() ordered for this call of `api`, a function of an emulated library.
cudaError_t ordered_failure(const char* api);

// The device that a stream belongs to, where the caller may queue work on it.
cudaError_t stream_device(cudaStream_t stream, int* device);

// Whether [pointer, pointer + bytes) lies in one allocation of device memory (or in pinned memory).
bool is_device_accessible(const void* pointer, size_t bytes);

// As many bytes as the running kernel's launch asked for, 1024-byte aligned.
void* dynamic_shared_memory();

#pragma GCC visibility pop

template <class Body>
cudaError_t launch(const void* kernel, dim3 grid, dim3 block, size_t shared, cudaStream_t stream, Body body) {
  return launch_threads(kernel, grid, block, shared, stream, std::make_shared<const Body>(std::move(body)),
                        [](const void* b) { (*static_cast<const Body*>(b))(); });
}

template <class Body>
cudaError_t launch(dim3 grid, dim3 block, size_t shared, cudaStream_t stream, Body body) {
  return launch(nullptr, grid, block, shared, stream, std::move(body));
}

}  // namespace emulator
