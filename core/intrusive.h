// Intrusive reference counting: one pointer, no control block.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace plait {

// Base of everything held by Ref<T>. T must offer `static void destroy(T*) noexcept`.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void retain() const noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  bool release() const noexcept { return refs_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  uint32_t use_count() const noexcept { return refs_.load(std::memory_order_relaxed); }

 private:
  mutable std::atomic<uint32_t> refs_{1};
};

template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  Ref(std::nullptr_t) noexcept {}
  explicit Ref(T* ptr) noexcept : ptr_(ptr) {  // shares, as share() does
    if (ptr_) ptr_->retain();
  }
  Ref(const Ref& other) noexcept : ptr_(other.ptr_) {
    if (ptr_) ptr_->retain();
  }
  Ref(Ref&& other) noexcept : ptr_(std::exchange(other.ptr_, nullptr)) {}
  Ref& operator=(const Ref& other) noexcept {
    Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref(std::move(other)).swap(*this);
    return *this;
  }
  ~Ref() {
    if (ptr_ && ptr_->release()) T::destroy(ptr_);
  }

  // Takes over the one reference that a new object is born with.
  static Ref adopt(T* ptr) noexcept {
    Ref ref;
    ref.ptr_ = ptr;
    return ref;
  }
  // Shares an object that somebody else keeps alive.
  static Ref share(T* ptr) noexcept {
    if (ptr) ptr->retain();
    return adopt(ptr);
  }
  // Gives the reference away without dropping it.
  T* detach() noexcept { return std::exchange(ptr_, nullptr); }

  T* get() const noexcept { return ptr_; }
  T* operator->() const noexcept { return ptr_; }
  T& operator*() const noexcept { return *ptr_; }
  explicit operator bool() const noexcept { return ptr_ != nullptr; }
  bool operator==(const Ref& other) const noexcept { return ptr_ == other.ptr_; }
  void swap(Ref& other) noexcept { std::swap(ptr_, other.ptr_); }
  void reset() noexcept { Ref().swap(*this); }

 private:
  T* ptr_ = nullptr;
};

}  // namespace plait
