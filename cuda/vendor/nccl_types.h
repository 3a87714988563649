// Which of NCCL's types and operations stand for a dtype and a reduction.
#pragma once

#include <nccl.h>

#include "distributed/communicator.h"

namespace plait::cuda {

struct NcclElements {
  ncclDataType_t type;
  ncclRedOp_t op;
  size_t count;
};

// For a reduction. Raises TypeError or ValueError, in the name of the collective, where NCCL has none.
NcclElements nccl_reduction(const char* collective, const Tensor& tensor, int64_t count,
                            distributed::Reduction reduction);

}  // namespace plait::cuda
