// Launching kernels, and queueing other work, in place of <<<>>> and cudaLaunchKernel().
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "cuda_runtime_api.h"

namespace emulator {

#pragma GCC visibility push(default)

// What is queued on a stream, as the counters and graphs tell it apart.
enum class WorkKind { Kernel, Library, Copy, Fill, Host, Event };

// What the device gets by value, and where a pointer may hide: an argument of a kernel, or all that a closure
// holds.
struct Argument {
  const void* bytes;
  size_t size;
  enum { Number, Pointer, Struct } kind;
};

// `call(body)` is made once for each thread of each block, when somebody waits for the stream. `kernel` names
// the kernel for cudaFuncSetAttribute() and in messages; it may be null. A launch with arguments that a GPU
// could not follow is refused (arguments.cpp).
cudaError_t launch_threads(const void* kernel, dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                           std::shared_ptr<const void> body, void (*call)(const void* body),
                           const Argument* arguments, size_t count);

// Queues a function of the host that works on device memory, as a library's kernel would be (CUB, cuBLASLt).
// `api` is its name for ordered failures.
cudaError_t enqueue(const char* api, cudaStream_t stream, WorkKind kind, std::function<void()> body);

// Whether a GPU could follow all pointers among what a library's function is given. If not, says why.
bool is_device_argument(const char* api, const Argument& argument);

// What plait_emulator_fail_after() ordered for this call of `api`, a function of an emulated library.
cudaError_t ordered_failure(const char* api);

// The device that a stream belongs to, where the caller may queue work on it.
cudaError_t stream_device(cudaStream_t stream, int* device);

// Whether [pointer, pointer + bytes) lies in one allocation of device memory (or in pinned memory).
bool is_device_accessible(const void* pointer, size_t bytes);

// As many bytes as the running kernel's launch asked for, 1024-byte aligned.
void* dynamic_shared_memory();

#pragma GCC visibility pop

// `value` is a copy that nothing else reads. Its padding holds what the stack held before and is cleared; GCC
// 12 then clears other bytes, too, where a struct has an array of structs of 12 bytes.
template <class T>
Argument describe_argument(T& value) {
  if constexpr (std::is_pointer_v<T>) {
    return {&value, sizeof(T), Argument::Pointer};
  } else if constexpr (std::is_class_v<T> && std::is_trivially_copyable_v<T>) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    if constexpr (!std::is_empty_v<T>) __builtin_clear_padding(&value);
#endif
#endif
    return {&value, sizeof(T), Argument::Struct};
  } else {
    return {&value, sizeof(T), Argument::Number};
  }
}

// A kernel with its arguments by value.
template <class... P>
cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                   std::type_identity_t<std::remove_cv_t<P>>... values) {
  const auto body = [=] { kernel(values...); };
  const Argument arguments[] = {describe_argument(values)..., {}};
  return launch_threads(
      reinterpret_cast<const void*>(kernel), grid, block, shared, stream,
      std::make_shared<decltype(body)>(body), [](const void* b) { (*static_cast<decltype(body)*>(b))(); },
      arguments, sizeof...(P));
}

// A closure; what it holds is looked at as a whole.
template <class Body>
cudaError_t launch(dim3 grid, dim3 block, size_t shared, cudaStream_t stream, Body body) {
  const auto kept = std::make_shared<const Body>(body);
  const Argument all = describe_argument(body);
  return launch_threads(
      nullptr, grid, block, shared, stream, kept, [](const void* b) { (*static_cast<const Body*>(b))(); },
      &all, 1);
}

}  // namespace emulator
