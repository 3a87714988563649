// Stands for the driver's libcuda.so.1 while cuDNN makes plans for a GPU that is not here. cuDNN compiles the
// kernels of attention when it plans, and loads what it compiled; a plan asks for no more than that the
// loading succeeds.
#define PLAIT_STUB extern "C" __attribute__((visibility("default")))
#define GIVES(name)                  \
  PLAIT_STUB int name(void** what) { \
    *what = what; /* any address */  \
    return 0;                        \
  }
#define SUCCEEDS(name) \
  PLAIT_STUB int name() { return 0; }
#define FAILS(name) \
  PLAIT_STUB int name() { return 100; /* CUDA_ERROR_NO_DEVICE */ }

GIVES(cuLibraryLoadData)
GIVES(cuLibraryGetKernel)
GIVES(cuLibraryGetModule)
GIVES(cuKernelGetFunction)
GIVES(cuModuleLoadData)
GIVES(cuModuleLoadDataEx)
GIVES(cuModuleGetFunction)
SUCCEEDS(cuKernelSetAttribute)
SUCCEEDS(cuFuncSetAttribute)
SUCCEEDS(cuLibraryUnload)
SUCCEEDS(cuModuleUnload)
FAILS(cuInit)
FAILS(cuCtxGetCurrent)
FAILS(cuCtxGetLimit)
FAILS(cuCtxPopCurrent)
FAILS(cuCtxPushCurrent)
FAILS(cuDeviceGet)
FAILS(cuDeviceGetCount)
FAILS(cuDriverGetVersion)
FAILS(cuGetErrorName)
FAILS(cuGetErrorString)
FAILS(cuKernelGetAttribute)
FAILS(cuLaunchCooperativeKernel)
FAILS(cuLaunchKernel)
FAILS(cuLaunchKernelEx)
FAILS(cuLibraryLoadFromFile)
FAILS(cuLinkAddData)
FAILS(cuLinkComplete)
FAILS(cuLinkCreate)
FAILS(cuLinkDestroy)
FAILS(cuOccupancyMaxPotentialClusterSize)
FAILS(cuStreamGetCtx)
