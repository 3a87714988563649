// Bytes with an owner, and the version counter that all views of them share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

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
        allocator_(allocator),
        device_(device) {}
  // Borrowed memory (NumPy, DLPack, a file): `deleter(context)` gives it back.
  StorageImpl(void* data, size_t bytes, Device device, Deleter deleter, void* context)
      : data_(data),
        bytes_(bytes),
        context_(context),
        deleter_(deleter),
        device_(device) {}
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
    uint32_t version, epoch;
  };
  std::optional<LowerCopy> lower_copy() const {
    if (!has_lower_.load(std::memory_order_acquire) || is_out_.load(std::memory_order_relaxed)) return {};
    const Lock lock(lock_);
    return *lower_;
  }
  void set_lower_copy(LowerCopy copy) {
    const Lock lock(lock_);
    if (lower_)
      *lower_ = std::move(copy);
    else
      lower_ = std::make_unique<LowerCopy>(std::move(copy));
    has_lower_.store(true, std::memory_order_release);
  }
  // The address goes to code that may write there without a word: from now on no copy counts.
  void let_out() noexcept { is_out_.store(true, std::memory_order_relaxed); }
  // A parameter is converted in every step; who writes it next may leave the copy that is asked for.
  void ask_for_lower(DType dtype) noexcept {
    asked_.store(static_cast<uint8_t>(1 + static_cast<int>(dtype)), std::memory_order_relaxed);
  }
  std::optional<DType> take_asked_lower() noexcept {
    const int asked = asked_.exchange(0, std::memory_order_relaxed);
    if (!asked || is_out_.load(std::memory_order_relaxed)) return {};
    return static_cast<DType>(asked - 1);
  }

 private:
  struct Lock {
    explicit Lock(std::atomic_flag& flag_) : flag(flag_) {
      while (flag.test_and_set(std::memory_order_acquire)) {
      }
    }
    ~Lock() { flag.clear(std::memory_order_release); }
    std::atomic_flag& flag;
  };

  std::atomic<uint32_t> version_{0};
  void* data_;
  size_t bytes_;
  union {
    size_t capacity_;  // of memory from the allocator
    void* context_;    // the deleter's
  };
  Allocator* allocator_ = nullptr;
  Deleter deleter_ = nullptr;
  std::unique_ptr<LowerCopy> lower_;  // never taken away again
  Device device_;
  std::atomic<bool> has_lower_{false}, is_out_{false};
  std::atomic<uint8_t> asked_{0};
  mutable std::atomic_flag lock_;
};
static_assert(sizeof(StorageImpl) <= 64, "a cache line");

using Storage = Ref<StorageImpl>;

PLAIT_API Storage make_storage(size_t bytes, Device device);

}  // namespace plait
