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

void upload(void* to, const void* from, size_t bytes, cudaStream_t stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream));
}
void download(void* to, const void* from, size_t bytes, cudaStream_t stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
}
void copy_to_peer(void* to, int to_device, const void* from, int from_device, size_t bytes,
                  cudaStream_t stream) {
  check_cuda(cudaMemcpyPeerAsync(to, to_device, from, from_device, bytes, stream));
}
void zero_memory(void* to, size_t bytes) { check_cuda(cudaMemsetAsync(to, 0, bytes, current_stream())); }

}  // namespace plait::cuda
