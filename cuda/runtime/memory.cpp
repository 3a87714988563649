#include "cuda/runtime/memory.h"

#include "cuda/runtime/allocator.h"

namespace plait::cuda {

Workspace::Workspace(size_t bytes) {
  const int device = current_device();
  Block* block = allocate_block(bytes, device, current_stream(device));
  block_ = block;
  data_ = block_data(block);
}

Workspace::~Workspace() { free_block(static_cast<Block*>(block_)); }

}  // namespace plait::cuda
