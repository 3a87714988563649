// Bytes with an owner, and the version counter that all views of them share.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/allocator.h"
#include "core/device.h"
#include "core/intrusive.h"

namespace plait {

class StorageImpl final : public RefCounted, public Pooled<StorageImpl> {
 public:
  using Deleter = void (*)(void* context);

  StorageImpl(void* data, size_t bytes, size_t capacity, Device device, Allocator* allocator)
      : data_(data),
        bytes_(bytes),
        capacity_(capacity),
        device_(device),
        allocator_(allocator) {}
  // Borrowed memory (NumPy, DLPack, a file): `deleter(context)` gives it back.
  StorageImpl(void* data, size_t bytes, Device device, Deleter deleter, void* context)
      : data_(data),
        bytes_(bytes),
        capacity_(bytes),
        device_(device),
        deleter_(deleter),
        context_(context) {}
  ~StorageImpl() {
    if (allocator_ && data_) allocator_->deallocate(data_, capacity_);
    if (deleter_) deleter_(context_);
  }
  static void destroy(StorageImpl* storage) noexcept { delete storage; }

  void* data() const noexcept { return data_; }
  size_t bytes() const noexcept { return bytes_; }
  Device device() const noexcept { return device_; }

  // How often the bytes were written in place. Saved tensors remember it, so that backward can tell a
  // mutation.
  uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  void bump_version() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void* data_;
  size_t bytes_;
  size_t capacity_;
  Device device_;
  std::atomic<uint32_t> version_{0};
  Allocator* allocator_ = nullptr;
  Deleter deleter_ = nullptr;
  void* context_ = nullptr;
};

using Storage = Ref<StorageImpl>;

PLAIT_API Storage make_storage(size_t bytes, Device device);

}  // namespace plait
