// Scratch memory for kernels, and copies, ordered on a stream.
#pragma once

#include "cuda/runtime/stream.h"

namespace plait::cuda {

// At least 512-byte aligned; freed at the end of the scope, in stream order: the kernels that were launched
// with it on the current stream may still be running.
class Workspace {
 public:
  explicit Workspace(size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  void* block_ = nullptr;
};

// Of host memory that is not pinned: read before the call returns, and written before it, too.
void upload(void* to, const void* from, size_t bytes, cudaStream_t stream);
void download(void* to, const void* from, size_t bytes, cudaStream_t stream);
void copy_to_peer(void* to, int to_device, const void* from, int from_device, size_t bytes,
                  cudaStream_t stream);
void zero_memory(void* to, size_t bytes);  // on the current stream

}  // namespace plait::cuda
