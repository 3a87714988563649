// Page-locked host memory, which the device copies from and to by itself, while the host goes on.
//
// Locking pages costs as much as a copy of them, so blocks are kept, by powers of two. A block is the host's
// as well as the device's: freed, it is handed out again when the copies that were launched with it are done.
#pragma once

#include "core/storage.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {

// A CPU storage. Raises OutOfMemoryError.
Storage allocate_pinned(size_t bytes);

// Is the address in page-locked memory, ours or another library's?
bool is_pinned(const void* address);

// A copy on a stream of `device` uses the block with this address. To be called after the copy was launched;
// false where the memory is not ours.
bool record_pinned(const void* address, int device, cudaStream_t stream);

inline bool is_pinned(const Storage& storage) { return storage && is_pinned(storage->data()); }
inline void record_pinned_use(const Storage& storage, cudaStream_t stream) {  // of the current device
  record_pinned(storage->data(), current_device(), stream);
}

void empty_pinned_cache();

struct PinnedStats {
  int64_t live_bytes = 0, cached_bytes = 0, peak_bytes = 0;  // peak of the live bytes
  int64_t allocations = 0, host_allocations = 0;             // in all, and those that CUDA was asked for
};
PinnedStats pinned_stats();

}  // namespace plait::cuda
