// How the ranks of a group find each other, before NCCL connects them.
#pragma once

#include "cuda/vendor/nccl_group.h"

namespace plait::cuda {

// All ranks of the group call it; it returns when they are connected. Raises RuntimeError, which names the
// rank that did not come, or what NCCL says.
std::shared_ptr<NcclGroup> connect_nccl(const distributed::GroupOptions& options, int device);

}  // namespace plait::cuda
