// In place of cudnn.cpp where the headers of cuDNN were not found at build time, and in the emulated library.
#include "cuda/vendor/cudnn.h"

namespace plait::cuda {

bool cudnn_is_available() { return false; }
bool cudnn_conv(const ConvProblem&, void*, void*, void*, const void*) { return false; }
bool cudnn_attention(const AttentionProblem&, const AttentionPointers&) { return false; }

}  // namespace plait::cuda
