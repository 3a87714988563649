// Scratch memory for kernels, ordered on the current stream.
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

}  // namespace plait::cuda
