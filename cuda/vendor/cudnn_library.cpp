#include "cuda/vendor/cudnn_library.h"

#include <dlfcn.h>

#include "core/error.h"
#include "core/library.h"
#include "cuda/runtime/libraries.h"
#include "cuda/runtime/stream.h"
#include "cuda/vendor/thread_handles.h"

namespace plait::cuda {
namespace {

struct Functions {
  void* library = nullptr;
  decltype(&cudnnCreate) create;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnGetErrorString) error_string;
  decltype(&cudnnGetVersion) version;
};

#ifndef PLAIT_CUDA_EMULATED
// NVRTC opens its library of built-in functions by name when it first compiles, and the linker does not look
// beside NVRTC: in NVIDIA's packages it would not be found, and cuDNN would have no kernel for attention.
void load_builtins(void* nvrtc) {
  const auto version = reinterpret_cast<int (*)(int*, int*)>(dlsym(nvrtc, "nvrtcVersion"));
  int major = 0, minor = 0;
  if (version && version(&major, &minor) == 0)
    load_library(message("libnvrtc-builtins.so.{}.{}", major, minor));
}
#endif

// cuDNN loads libraries that it needs later by their names, and ends the process where cuBLASLt is missing:
// so they are loaded first, from wherever they are found.
void* open_library() {
#ifdef PLAIT_CUDA_EMULATED
  return load_library("libplait_cudnn_emulated.so");
#else
  if (!load_library("libcublasLt.so.13")) return nullptr;
  if (void* nvrtc = load_library("libnvrtc.so.13")) load_builtins(nvrtc);
  return load_library("libcudnn.so.9");
#endif
}

const Functions& functions() {
  static const Functions table = [] {
    Functions found{};
    void* library = open_library();
    if (!library) return found;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    if (find(found.create, "cudnnCreate") && find(found.set_stream, "cudnnSetStream") &&
        find(found.error_string, "cudnnGetErrorString") && find(found.version, "cudnnGetVersion"))
      found.library = library;
    return found;
  }();
  return table;
}

cudnnHandle_t create_handle(int device) {
  const RelaxedCapture starting;  // it asks for memory, while a graph may be captured
  cudnnHandle_t handle = nullptr;
  const cudnnStatus_t status = functions().create(&handle);
  if (status != CUDNN_STATUS_SUCCESS)
    fail<RuntimeError>(
        "cuDNN could not be started on device {}: {}; set plait.backends.cudnn.enabled = False to do "
        "without it",
        device, cudnn_status_text(status));
  return handle;
}

const bool registered = register_library(
    "cudnn", []() -> int64_t { return cudnn_library() ? static_cast<int64_t>(functions().version()) : 0; });

}  // namespace

void* cudnn_library() { return functions().library; }

cudnnHandle_t cudnn_handle() {
  const cudnnHandle_t handle = ThreadHandles<cudnnHandle_t, create_handle>::get();
  const cudnnStatus_t status = functions().set_stream(handle, current_stream());
  if (status != CUDNN_STATUS_SUCCESS) fail<RuntimeError>("cudnnSetStream: {}", cudnn_status_text(status));
  return handle;
}

const char* cudnn_status_text(cudnnStatus_t status) { return functions().error_string(status); }

}  // namespace plait::cuda
