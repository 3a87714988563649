// Handles of libraries, one for each thread and device.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "cuda/runtime/device.h"

namespace plait::cuda {

// Handles are not shared by threads; those of a thread that ends are taken by the next. `create` makes one
// for the device, which is the current one.
template <class Handle, Handle (*create)(int device)>
class ThreadHandles {
 public:
  // The calling thread's for the current device.
  static Handle get() {
    thread_local ThreadHandles handles;
    const int device = current_device();
    Handle& mine = handles.own_[static_cast<size_t>(device)];
    if (!mine) mine = take(device);
    return mine;
  }

 private:
  struct Pool {
    std::mutex mutex;
    std::array<std::vector<Handle>, kMaxDevices> free;
  };

  ~ThreadHandles() {
    std::lock_guard lock(pool().mutex);
    for (size_t device = 0; device < own_.size(); ++device)
      if (own_[device]) pool().free[device].push_back(own_[device]);
  }
  static Pool& pool() {
    static auto* pool = new Pool;
    return *pool;
  }
  static Handle take(int device) {
    std::lock_guard lock(pool().mutex);
    auto& free = pool().free[static_cast<size_t>(device)];
    if (free.empty()) return create(device);
    const Handle handle = free.back();
    free.pop_back();
    return handle;
  }

  std::array<Handle, kMaxDevices> own_{};
};

}  // namespace plait::cuda
