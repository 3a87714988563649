// libcudnn, loaded when it is first asked for, and its handles.
#pragma once

#include "cuda/runtime/cuda.h"  // cudnn.h would include it within extern "C", which the emulator's cannot be

#include <cudnn.h>

namespace plait::cuda {

void* cudnn_library();  // as dlopen gave it; null: there is none

// The calling thread's handle for the current device, set to its current stream.
cudnnHandle_t cudnn_handle();

const char* cudnn_status_text(cudnnStatus_t status);

}  // namespace plait::cuda
