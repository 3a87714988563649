#include "cuda/vendor/cudnn_runtime.h"

#include <dlfcn.h>

#include <cstring>
#include <string_view>

#include "cuda/runtime/cuda.h"

namespace plait::cuda {
namespace {

// What the front end's cudnn_frontend_shim.h asks for.
#define PLAIT_RUNTIME_FUNCTIONS(X)       \
  X(cudaDeviceGetAttribute)              \
  X(cudaDeviceSynchronize)               \
  X(cudaEventDestroy)                    \
  X(cudaEventElapsedTime)                \
  X(cudaEventRecord)                     \
  X(cudaEventSynchronize)                \
  X(cudaFree)                            \
  X(cudaGetDevice)                       \
  X(cudaGetDeviceProperties)             \
  X(cudaGetDriverEntryPointByVersion)    \
  X(cudaGetErrorString)                  \
  X(cudaGetLastError)                    \
  X(cudaGraphAddChildGraphNode)          \
  X(cudaGraphAddMemcpyNode1D)            \
  X(cudaGraphAddMemsetNode)              \
  X(cudaGraphChildGraphNodeGetGraph)     \
  X(cudaGraphCreate)                     \
  X(cudaGraphDestroy)                    \
  X(cudaGraphGetNodes)                   \
  X(cudaGraphGetRootNodes)               \
  X(cudaGraphMemcpyNodeSetParams1D)      \
  X(cudaGraphMemsetNodeSetParams)        \
  X(cudaGraphNodeGetDependencies)        \
  X(cudaGraphNodeGetDependentNodes)      \
  X(cudaGraphRetainUserObject)           \
  X(cudaMemcpyAsync)                     \
  X(cudaMemsetAsync)                     \
  X(cudaPointerGetAttributes)            \
  X(cudaRuntimeGetVersion)               \
  X(cudaStreamBeginCapture)              \
  X(cudaStreamCreate)                    \
  X(cudaStreamDestroy)                   \
  X(cudaStreamEndCapture)                \
  X(cudaStreamGetCaptureInfo)            \
  X(cudaStreamIsCapturing)               \
  X(cudaStreamSynchronize)               \
  X(cudaThreadExchangeStreamCaptureMode) \
  X(cudaUserObjectCreate)                \
  X(cudaUserObjectRelease)

struct Function {
  const char* name;
  void* address;
};
#define PLAIT_FUNCTION(name) {#name, reinterpret_cast<void*>(&name)},
const Function kFunctions[] = {
    PLAIT_RUNTIME_FUNCTIONS(PLAIT_FUNCTION)
    // Those that have overloads for C++ as well.
    {"cudaEventCreate",
     reinterpret_cast<void*>(static_cast<cudaError_t (*)(cudaEvent_t*)>(&cudaEventCreate))},
    {"cudaMalloc", reinterpret_cast<void*>(static_cast<cudaError_t (*)(void**, size_t)>(&cudaMalloc))},
};
#undef PLAIT_FUNCTION

// What stands for the library: no handle of dlopen's has this address.
const char kOwnRuntime = 0;

}  // namespace

void* open_for_front_end(const char* name, int flags) {
  const std::string_view file = name ? name : "";
  if (file.starts_with("libcudart.so"))
    return file == "libcudart.so.13" ? const_cast<char*>(&kOwnRuntime) : nullptr;
  return dlopen(name, flags);
}

void* symbol_for_front_end(void* library, const char* name) {
  if (library != &kOwnRuntime) return dlsym(library, name);
  for (const Function& function : kFunctions)
    if (std::strcmp(function.name, name) == 0) return function.address;
  return nullptr;
}

}  // namespace plait::cuda
