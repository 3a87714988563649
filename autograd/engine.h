// Backward: walks the tape from the roots, newest node first, and hands each node its gradients.
#pragma once

#include "autograd/node.h"

namespace plait {

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
  bool accumulate = true;  // into .grad of the leaves; otherwise the gradients of `inputs` are returned
};

// `grads` may hold undefined tensors for roots of one element (they count as 1). Where `inputs` is not empty
// only what they need is computed. Returns the gradients of `inputs`, undefined for those that the roots do
// not depend on.
PLAIT_API std::vector<Tensor> run_backward(std::span<const Tensor> roots, std::span<const Tensor> grads,
                                           const BackwardOptions& options,
                                           std::span<const Tensor> inputs = {});

// Sums a gradient of a broadcast shape back to `sizes`.
PLAIT_API Tensor sum_to(const Tensor& grad, const Dims& sizes);

// For hooks: the number of the backward that the thread computes, 0 where it does none; and does that one
// compute a gradient of the tensor?
PLAIT_API uint64_t backward_number();
PLAIT_API bool backward_reaches(const Tensor& tensor);

}  // namespace plait
