#include "cuda/runtime/cuda.h"

#include <cstring>
#include <string>

#include "core/error.h"
#include "cuda/runtime/device.h"

namespace plait::cuda {
namespace {

// What an error may mean, or what to try.
const char* hint(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorAssert:
    case cudaErrorLaunchTimeout:
      return "a kernel that was launched earlier failed, and this process cannot use the device any longer; "
             "run it again with CUDA_LAUNCH_BLOCKING=1 to see which call it was";
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
      return "the hardware reported it; look at nvidia-smi -q and restart the process";
    case cudaErrorInsufficientDriver: return "install a newer NVIDIA driver";
    case cudaErrorNoKernelImageForDevice:
      return "this build of plait has no code for the device's compute capability; build it with that "
             "architecture";
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
    case cudaErrorStreamCaptureImplicit:
    case cudaErrorStreamCaptureWrongThread:
    case cudaErrorStreamCaptureUnjoined:
    case cudaErrorStreamCaptureIsolation:
    case cudaErrorCapturedEvent:
      return "a graph is being captured: nothing may wait for the device meanwhile, which .item(), .cpu(), "
             "printing, shapes that depend on data and synchronize() do; capture only what runs on the "
             "device";
    case cudaErrorInvalidConfiguration: return "a launch was larger than the device allows";
    case cudaErrorDevicesUnavailable:
      return "another process has the device for itself (nvidia-smi shows its mode)";
    default: return nullptr;
  }
}

}  // namespace

void fail_cuda(cudaError_t status, const char* call, const char* file, int line) {
  cudaGetLastError();  // so that the next check does not find it again
  if (forked()) fail_forked();
  const char* slash = std::strrchr(file, '/');
  std::string text =
      message("CUDA error {} ({}): {}, in {} at {}:{}", static_cast<int>(status), cudaGetErrorName(status),
              cudaGetErrorString(status), call, slash ? slash + 1 : file, line);
  if (const char* advice = hint(status)) text += message("; {}", advice);
  if (status == cudaErrorMemoryAllocation) throw OutOfMemoryError(text);
  throw RuntimeError(text);
}

}  // namespace plait::cuda
