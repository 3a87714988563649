// Where cuDNN's front end finds the CUDA runtime.
#pragma once

#include "core/export.h"

namespace plait::cuda {

// Note [The front end's runtime]: cuDNN's front end opens libcudart.so by its name, that of CUDA 12 first,
// and takes no plan where there is none. But this library is linked with the runtime itself, and no
// libcudart.so need be on the linker's path: NVIDIA's packages put it elsewhere. So what the front end opens
// by that name is this library's own runtime, found by the functions' names; everything else goes to the
// linker.
PLAIT_API void* open_for_front_end(const char* name, int flags);
PLAIT_API void* symbol_for_front_end(void* library, const char* name);

}  // namespace plait::cuda
