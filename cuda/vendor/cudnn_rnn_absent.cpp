// In place of cudnn_rnn.cpp where the headers of cuDNN were not found at build time.
#include "cuda/vendor/cudnn_rnn.h"

namespace plait::cuda {

bool cudnn_rnn_is_available() { return false; }
RnnPlanPtr cudnn_rnn_plan(const RnnProblem&, std::span<const int32_t>) { return nullptr; }
bool cudnn_rnn_forward(const RnnPlanPtr&, const RnnPointers&, GeneratorImpl::Draw) { return false; }
void cudnn_rnn_backward(const RnnPlanPtr&, const RnnPointers&, const RnnGradients&) {}
void cudnn_rnn_describe(const RnnProblem&, std::span<const int32_t>, int) {}

}  // namespace plait::cuda
