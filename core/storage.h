// Bytes with an owner, and the version counter that all views of them share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/allocator.h"
#include "core/device.h"
#include "core/dtype.h"
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
        context_(context),
        device_(device),
        deleter_(deleter) {}
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

  // The numbers of one tensor of this storage in a lower precision. Note [Lower copies] in core/tensor.h.
  struct LowerCopy {
    Ref<StorageImpl> storage;
    DType dtype, of;
    int64_t offset, numel;
    uint32_t version;
  };
  const LowerCopy* lower_copy() const noexcept { return lower_copy_.get(); }
  // Before anybody else sees the storage.
  void set_lower_copy(LowerCopy copy) { lower_copy_ = std::make_unique<LowerCopy>(std::move(copy)); }
  // The address goes to code that may write there without a word.
  void let_out() noexcept {
    if (lower_copy_) is_out_.store(true, std::memory_order_relaxed);
  }
  bool is_out() const noexcept { return is_out_.load(std::memory_order_relaxed); }

 private:
  void* data_;
  size_t bytes_;
  union {
    size_t capacity_;  // of memory from the allocator
    void* context_;    // the deleter's
  };
  Device device_;
  std::atomic<bool> is_out_{false};
  std::atomic<uint32_t> version_{0};
  Allocator* allocator_ = nullptr;
  Deleter deleter_ = nullptr;
  std::unique_ptr<LowerCopy> lower_copy_;
};
static_assert(sizeof(StorageImpl) <= 64, "a cache line");

using Storage = Ref<StorageImpl>;

PLAIT_API Storage make_storage(size_t bytes, Device device);

}  // namespace plait
