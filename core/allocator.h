// Memory. A caching allocator for tensor data on the CPU and a pool for the small objects of the hot path.
//
// Page faults, not arithmetic, are what makes large elementwise ops slow: touching fresh pages costs several
// times the copy itself. So freed blocks are kept by size class and handed out again: small ones from bins of
// the calling thread without a lock, large ones from shared bins, the largest backed by huge pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/export.h"

namespace plait {

class PLAIT_API Allocator {
 public:
  virtual ~Allocator() = default;
  // At least 64-byte aligned. `capacity` receives what was really set aside. Raises OutOfMemoryError.
  virtual void* allocate(size_t bytes, size_t& capacity) = 0;
  virtual void deallocate(void* data, size_t capacity) noexcept = 0;
};

struct MemoryStats {
  int64_t allocated = 0;           // bytes in live blocks
  int64_t peak = 0;                // the most there has been since the last reset
  int64_t cached = 0;              // bytes kept for reuse in the shared bins
  int64_t allocations = 0;         // blocks handed out
  int64_t system_allocations = 0;  // of them, fresh from the system
};

PLAIT_API Allocator& cpu_allocator();
PLAIT_API MemoryStats cpu_memory_stats();
PLAIT_API void reset_peak_cpu_memory();
PLAIT_API void empty_cpu_cache();

// Small objects (tensors, storages, nodes): size-classed free lists of the calling thread, malloc beyond 1
// KiB.
PLAIT_API void* pool_allocate(size_t bytes);
PLAIT_API void pool_free(void* block, size_t bytes) noexcept;

// Gives a class pooled operator new and delete.
template <class T>
struct Pooled {
  static void* operator new(size_t bytes) { return pool_allocate(bytes); }
  static void operator delete(void* block, size_t bytes) noexcept { pool_free(block, bytes); }
};

}  // namespace plait
