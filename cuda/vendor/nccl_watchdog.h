// The thread that looks after what was given to NCCL, as long as there is any: a collective whose other ranks
// do not come keeps its stream for ever, and nobody else asks.
#pragma once

#include <memory>

namespace plait::cuda {

class NcclGroup;

// Until NcclGroup::look says that there is nothing left.
void watch(std::shared_ptr<NcclGroup> group);

}  // namespace plait::cuda
