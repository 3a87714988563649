// Sizes and strides: a short list of int64 that needs no heap up to six dimensions.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <utility>

#include "core/export.h"

namespace plait {

using IntSpan = std::span<const int64_t>;

inline constexpr int kMaxDims = 32;  // as in NumPy before 2.0; more raises an error

class Dims {
 public:
  static constexpr int kInline = 6;

  Dims() noexcept {}
  Dims(std::initializer_list<int64_t> values) { assign(values.begin(), static_cast<int>(values.size())); }
  Dims(IntSpan values) { assign(values.data(), static_cast<int>(values.size())); }
  Dims(int count, int64_t value) {
    reserve_exact(count);
    for (int i = 0; i < count; ++i) data()[i] = value;
  }
  Dims(const Dims& other) { assign(other.data(), other.size_); }
  Dims(Dims&& other) noexcept { steal(other); }
  Dims& operator=(const Dims& other) {
    if (this != &other) {
      free_heap();
      assign(other.data(), other.size_);
    }
    return *this;
  }
  Dims& operator=(Dims&& other) noexcept {
    if (this != &other) {
      free_heap();
      steal(other);
    }
    return *this;
  }
  ~Dims() { free_heap(); }

  int size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  int64_t* data() noexcept { return size_ <= kInline ? inline_ : heap_; }
  const int64_t* data() const noexcept { return size_ <= kInline ? inline_ : heap_; }
  int64_t& operator[](int i) noexcept { return data()[i]; }
  int64_t operator[](int i) const noexcept { return data()[i]; }
  int64_t* begin() noexcept { return data(); }
  int64_t* end() noexcept { return data() + size_; }
  const int64_t* begin() const noexcept { return data(); }
  const int64_t* end() const noexcept { return data() + size_; }
  int64_t back() const noexcept { return data()[size_ - 1]; }
  operator IntSpan() const noexcept { return {data(), static_cast<size_t>(size_)}; }

  void push_back(int64_t value) { insert(size_, value); }
  void insert(int position, int64_t value) {
    Dims grown;
    grown.reserve_exact(size_ + 1);
    int64_t* to = grown.data();
    const int64_t* from = data();
    for (int i = 0; i < position; ++i) to[i] = from[i];
    to[position] = value;
    for (int i = position; i < size_; ++i) to[i + 1] = from[i];
    *this = std::move(grown);
  }
  void erase(int position) {
    Dims shrunk;
    shrunk.reserve_exact(size_ - 1);
    for (int i = 0, j = 0; i < size_; ++i)
      if (i != position) shrunk[j++] = (*this)[i];
    *this = std::move(shrunk);
  }

  friend bool operator==(const Dims& a, const Dims& b) noexcept {
    return a.size_ == b.size_ &&
           (a.size_ == 0 || std::memcmp(a.data(), b.data(), sizeof(int64_t) * a.size_) == 0);
  }

 private:
  void reserve_exact(int count) {
    size_ = count;
    if (count > kInline) heap_ = new int64_t[count];
  }
  void assign(const int64_t* values, int count) {
    reserve_exact(count);
    int64_t* to = data();
    for (int i = 0; i < count; ++i) to[i] = values[i];
  }
  void steal(Dims& other) noexcept {
    size_ = other.size_;
    if (size_ > kInline)
      heap_ = other.heap_;
    else
      for (int i = 0; i < size_; ++i) inline_[i] = other.inline_[i];
    other.size_ = 0;
  }
  void free_heap() noexcept {
    if (size_ > kInline) delete[] heap_;
    size_ = 0;
  }

  int32_t size_ = 0;
  union {
    int64_t inline_[kInline];
    int64_t* heap_;
  };
};

inline bool same(IntSpan a, IntSpan b) noexcept {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

// Product of sizes. Raises ValueError for a negative size, for too many dimensions, and where the product
// overflows.
PLAIT_API int64_t checked_numel(IntSpan sizes, const char* who);
PLAIT_API Dims contiguous_strides(IntSpan sizes);
PLAIT_API Dims channels_last_strides(IntSpan sizes);  // 4-D and 5-D: N, C, spatial with C innermost
PLAIT_API bool is_contiguous(IntSpan sizes, IntSpan strides);
PLAIT_API bool is_channels_last(IntSpan sizes, IntSpan strides);
// The last dimensions that have n elements together are a row. Where each row is contiguous and all rows are
// equally far apart: that distance in elements; else -1.
PLAIT_API int64_t row_stride(IntSpan sizes, IntSpan strides, int64_t n);
// Does every element have its own address, without gaps between them? (a permutation of a contiguous tensor)
PLAIT_API bool is_dense(IntSpan sizes, IntSpan strides);
// May two indices address one element? (expanded tensors, overlapping windows)
PLAIT_API bool has_internal_overlap(IntSpan sizes, IntSpan strides);
PLAIT_API Dims broadcast(IntSpan a, IntSpan b, const char* who);  // raises ValueError naming both shapes
// The strides of a view of `new_sizes` over (sizes, strides), or false where only a copy can do it.
PLAIT_API bool view_strides(IntSpan sizes, IntSpan strides, IntSpan new_sizes, Dims& out);
// dim in [-ndim, ndim) -> [0, ndim); a 0-d tensor takes 0 and -1. Raises IndexError otherwise.
PLAIT_API int wrap_dim(int64_t dim, int64_t ndim, const char* who);

}  // namespace plait
