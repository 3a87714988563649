// Memory for the length of a kernel's call.
#pragma once

#include "core/allocator.h"

namespace plait::cpu {

class Workspace {
 public:
  explicit Workspace(int64_t bytes)
      : data_(cpu_allocator().allocate(static_cast<size_t>(bytes > 0 ? bytes : 1), capacity_)) {}
  ~Workspace() { cpu_allocator().deallocate(data_, capacity_); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* data() const { return data_; }

 private:
  size_t capacity_ = 0;
  void* data_;
};

}  // namespace plait::cpu
