#include "cuda/runtime/pinned.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "core/error.h"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/event_pool.h"

namespace plait::cuda {
namespace {

constexpr size_t kBlockMin = 512;
constexpr int kClasses = 48;

struct Use {
  int device;
  cudaStream_t stream;
  bool operator==(const Use&) const = default;
};

struct HostBlock {
  char* data;
  size_t size;
  std::vector<Use> uses;
  int pending = 0;
};

int class_of(size_t bytes) { return static_cast<int>(std::bit_width(std::max(bytes, kBlockMin) - 1)); }

class PinnedAllocator {
 public:
  HostBlock* allocate(size_t bytes) {
    const int cls = class_of(bytes);
    if (cls >= kClasses) fail_memory(bytes);
    {
      std::lock_guard lock(mutex_);
      ++stats_.allocations;
      poll();
      if (HostBlock* block = take(cls)) return block;
    }
    // Pages are locked without the lock: it takes milliseconds.
    const size_t size = size_t{1} << cls;
    void* data = lock_pages(size);
    if (!data) {
      empty();
      data = lock_pages(size);
    }
    if (!data) fail_memory(bytes);
    auto* block = new HostBlock{static_cast<char*>(data), size, {}};
    std::lock_guard lock(mutex_);
    by_address_.emplace(block->data, block);
    ++stats_.host_allocations;
    count_live(block);
    return block;
  }

  void free(HostBlock* block) noexcept {
    std::lock_guard lock(mutex_);
    stats_.live_bytes -= static_cast<int64_t>(block->size);
    if (block->uses.empty())
      keep(block);
    else if (captures_underway())
      deferred_.push_back(block);
    else
      record_events(block);
  }

  bool record(const void* address, Use use) {
    std::lock_guard lock(mutex_);
    HostBlock* block = find(address);
    if (!block) return false;
    if (std::find(block->uses.begin(), block->uses.end(), use) == block->uses.end())
      block->uses.push_back(use);
    return true;
  }

  bool contains(const void* address) {
    std::lock_guard lock(mutex_);
    return find(address) != nullptr;
  }

  void empty() {
    std::lock_guard lock(mutex_);
    if (captures_underway()) return;
    const RelaxedCapture relaxed;  // one may begin in another thread just now
    take_up_deferred();
    for (auto& [use, queue] : pending_)
      if (!queue.empty()) check_cuda(cudaEventSynchronize(queue.back().event));
    poll();
    for (std::vector<HostBlock*>& blocks : free_) {
      for (HostBlock* block : std::exchange(blocks, {})) {
        by_address_.erase(block->data);
        stats_.cached_bytes -= static_cast<int64_t>(block->size);
        const std::unique_ptr<HostBlock> owned(block);
        check_cuda(cudaFreeHost(block->data));
      }
    }
  }

  PinnedStats stats() {
    std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  struct Pending {
    cudaEvent_t event;
    HostBlock* block;
  };

  [[noreturn]] static void fail_memory(size_t bytes) {
    fail<OutOfMemoryError>(
        "out of page-locked memory: {} bytes were asked for, and the system refused; use pin_memory=False, "
        "or smaller batches",
        bytes);
  }

  static void* lock_pages(size_t size) {
    const DeviceGuard guard(used_device());
    const RelaxedCapture relaxed;
    void* data = nullptr;
    const cudaError_t status = cudaHostAlloc(&data, size, cudaHostAllocPortable);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    check_status(status, "cudaHostAlloc");
    return data;
  }

  void count_live(const HostBlock* block) {
    stats_.live_bytes += static_cast<int64_t>(block->size);
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  }

  HostBlock* take(int cls) {
    if (free_[cls].empty()) return nullptr;
    HostBlock* block = free_[cls].back();
    free_[cls].pop_back();
    stats_.cached_bytes -= static_cast<int64_t>(block->size);
    count_live(block);
    return block;
  }

  void keep(HostBlock* block) noexcept {
    free_[class_of(block->size)].push_back(block);
    stats_.cached_bytes += static_cast<int64_t>(block->size);
  }

  HostBlock* find(const void* address) const {
    auto after = by_address_.upper_bound(static_cast<char*>(const_cast<void*>(address)));
    if (after == by_address_.begin()) return nullptr;
    HostBlock* block = std::prev(after)->second;
    return address < block->data + block->size ? block : nullptr;
  }

  void record_events(HostBlock* block) noexcept {
    for (const Use& use : std::exchange(block->uses, {})) {
      ++block->pending;
      const cudaEvent_t event = take_event(use.device);
      // Else CUDA has gone before us: the block is lost.
      if (event && record_event(use.device, event, use.stream))
        pending_[{use.device, use.stream}].push_back({event, block});
    }
  }

  void take_up_deferred() noexcept {
    for (HostBlock* block : std::exchange(deferred_, {})) record_events(block);
  }

  void poll() noexcept {
    if (captures_underway()) return;
    take_up_deferred();
    std::optional<RelaxedCapture> relaxed;
    for (auto& [use, queue] : pending_) {
      while (!queue.empty()) {
        if (!relaxed) relaxed.emplace();
        const auto [event, block] = queue.front();
        if (cudaEventQuery(event) != cudaSuccess) {
          cudaGetLastError();
          break;
        }
        give_event(use.first, event);
        queue.pop_front();
        if (--block->pending == 0) keep(block);
      }
    }
  }

  std::mutex mutex_;
  std::vector<HostBlock*> free_[kClasses];
  std::map<char*, HostBlock*> by_address_;  // live, pending and free ones
  std::map<std::pair<int, cudaStream_t>, std::deque<Pending>> pending_;
  std::vector<HostBlock*> deferred_;  // freed during a capture
  PinnedStats stats_;
};

PinnedAllocator& pinned_allocator() {
  static auto* allocator = new PinnedAllocator;  // never destroyed: tensors outlive static destruction
  return *allocator;
}

}  // namespace

Storage allocate_pinned(size_t bytes) {
  check_not_forked();
  HostBlock* block = pinned_allocator().allocate(bytes);
  return Storage::adopt(new StorageImpl(
      block->data, bytes, kCPU,
      [](void* context) {
        if (!forked()) pinned_allocator().free(static_cast<HostBlock*>(context));
      },
      block));
}

bool is_pinned(const void* address) {
  if (!address || forked()) return false;
  if (pinned_allocator().contains(address)) return true;
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, address) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  return attributes.type == cudaMemoryTypeHost;
}

bool record_pinned(const void* address, int device, cudaStream_t stream) {
  return pinned_allocator().record(address, {device, stream});
}

void empty_pinned_cache() {
  check_not_forked();
  pinned_allocator().empty();
}

PinnedStats pinned_stats() { return pinned_allocator().stats(); }

}  // namespace plait::cuda
