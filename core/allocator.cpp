#include "core/allocator.h"

#include <sys/mman.h>

#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "core/error.h"
#include "core/fork.h"
#include "core/recorder.h"

namespace plait {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kHugeFrom = size_t{4} << 20;          // blocks that ask for huge pages
constexpr size_t kThreadLocalMax = size_t{32} << 10;   // blocks that threads keep for themselves
constexpr size_t kThreadBinBytes = size_t{256} << 10;  // what a thread keeps of one class
constexpr size_t kSharedCacheMax = size_t{4} << 30;    // what the shared bins keep in all
constexpr size_t kAskSystemFrom = size_t{1} << 30;     // blocks large enough to ask how much memory is left

// Note [Size classes]: multiples of 64 up to 256 bytes, then four classes to each power of two, so that at
// most a fifth of a block is unused and a tensor of nearly the same size finds a freed one.
struct SizeClass {
  int index;
  size_t bytes;
};

SizeClass size_class(size_t bytes) {
  if (bytes <= 256) {
    const size_t n = bytes == 0 ? 1 : (bytes + kAlign - 1) / kAlign;
    return {static_cast<int>(n - 1), n * kAlign};
  }
  const int log = std::bit_width(bytes - 1) - 1;  // bytes in (2^log, 2^(log+1)]
  const size_t step = size_t{1} << (log - 2);
  const size_t n = (bytes - (size_t{1} << log) + step - 1) / step;  // 1 to 4
  return {4 + (log - 8) * 4 + static_cast<int>(n - 1), (size_t{1} << log) + n * step};
}
constexpr int kClassCount = 4 + (64 - 8) * 4;

// A free list threaded through the blocks themselves.
struct FreeList {
  struct Block {
    Block* next;
  };
  Block* head = nullptr;
  size_t count = 0;

  void* pop() {
    Block* block = head;
    if (block) {
      head = block->next;
      --count;
    }
    return block;
  }
  void push(void* memory) {
    auto* block = static_cast<Block*>(memory);
    block->next = head;
    head = block;
    ++count;
  }
};

struct Counters {
  std::atomic<int64_t> allocated{0}, peak{0}, cached{0}, allocations{0}, system{0};
};
Counters g_counters;

void count_allocation(size_t bytes) {
  const int64_t now =
      g_counters.allocated.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed) + bytes;
  int64_t peak = g_counters.peak.load(std::memory_order_relaxed);
  while (now > peak && !g_counters.peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  g_counters.allocations.fetch_add(1, std::memory_order_relaxed);
}

// What the kernel believes could still be allocated without swapping; SIZE_MAX where it does not say.
size_t available_memory() {
  std::FILE* file = std::fopen("/proc/meminfo", "re");
  if (!file) return SIZE_MAX;
  char line[128];
  size_t available = SIZE_MAX;
  while (std::fgets(line, sizeof line, file)) {
    unsigned long long kib;
    if (std::sscanf(line, "MemAvailable: %llu kB", &kib) == 1) available = static_cast<size_t>(kib) * 1024;
  }
  std::fclose(file);
  return available;
}

void* system_allocate(size_t bytes) {
  const size_t align = bytes >= kHugeFrom ? kHugePage : kAlign;
  void* block =
      bytes > SIZE_MAX / 2 ? nullptr : std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (block && bytes >= kHugeFrom) madvise(block, bytes, MADV_HUGEPAGE);
  if (block) g_counters.system.fetch_add(1, std::memory_order_relaxed);
  return block;
}

struct SharedBins {
  std::mutex mutex;
  FreeList bins[kClassCount];
};
SharedBins& shared_bins() {
  static auto* bins = [] {
    auto* made = new SharedBins;  // never destroyed: tensors may outlive static destruction
    hold_over_forks(made->mutex);
    return made;
  }();
  return *bins;
}
// Made early: whoever holds another lock may allocate.
const SharedBins& g_made_early = shared_bins();

constexpr int kThreadClasses = 4 + (15 - 8) * 4;  // up to 32 KiB
constexpr int kPoolClasses = 16;                  // 64 to 1024 bytes
struct ThreadBins {
  FreeList data[kThreadClasses];
  FreeList pool[kPoolClasses];
  // Nothing is kept before the thread's end has been arranged for, nor while it is ending.
  enum class State : uint8_t { Fresh, Keeping, Ended } state = State::Fresh;
  bool keeps() { return __builtin_expect(state == State::Keeping, 1) || begin(); }
  bool begin();
};
constinit thread_local ThreadBins t_bins;

struct ThreadBinsCleanup {
  bool armed = false;
  ~ThreadBinsCleanup() {
    t_bins.state = ThreadBins::State::Ended;
    for (FreeList& bin : t_bins.data)
      while (void* block = bin.pop()) std::free(block);
    for (FreeList& bin : t_bins.pool)
      while (void* block = bin.pop()) std::free(block);
  }
};
thread_local ThreadBinsCleanup t_cleanup;

// A thread may only ever free what others allocated: its bins, too, must be emptied at its end.
__attribute__((noinline)) bool ThreadBins::begin() {
  if (state == State::Ended) return false;
  t_cleanup.armed = true;
  state = State::Keeping;
  return true;
}

class CpuAllocator final : public Allocator {
 public:
  void* allocate(size_t bytes, size_t& capacity) override {
    const SizeClass cls = size_class(bytes);
    capacity = cls.bytes;
    count_allocation(cls.bytes);
    void* block = take(cls, bytes);
    if (__builtin_expect(recording(), 0))
      record_memory(kCPU, block, static_cast<int64_t>(cls.bytes), g_counters.allocated.load());
    return block;
  }

  void deallocate(void* block, size_t capacity) noexcept override {
    g_counters.allocated.fetch_sub(static_cast<int64_t>(capacity), std::memory_order_relaxed);
    if (__builtin_expect(recording(), 0))
      record_memory(kCPU, block, -static_cast<int64_t>(capacity), g_counters.allocated.load());
    const SizeClass cls = size_class(capacity);
    if (cls.bytes <= kThreadLocalMax) {
      FreeList& bin = t_bins.data[cls.index];
      if (bin.count * cls.bytes < kThreadBinBytes && t_bins.keeps()) return bin.push(block);
    } else if (g_counters.cached.load(std::memory_order_relaxed) + cls.bytes <= kSharedCacheMax) {
      SharedBins& shared = shared_bins();
      std::lock_guard lock(shared.mutex);
      shared.bins[cls.index].push(block);
      g_counters.cached.fetch_add(static_cast<int64_t>(cls.bytes), std::memory_order_relaxed);
      return;
    }
    std::free(block);
  }

 private:
  static void* take(const SizeClass& cls, size_t bytes) {
    if (cls.bytes <= kThreadLocalMax) {
      if (void* block = t_bins.data[cls.index].pop()) return block;
    } else {
      SharedBins& shared = shared_bins();
      std::lock_guard lock(shared.mutex);
      if (void* block = shared.bins[cls.index].pop()) {
        g_counters.cached.fetch_sub(static_cast<int64_t>(cls.bytes), std::memory_order_relaxed);
        return block;
      }
    }
    return allocate_fresh(bytes, cls.bytes);
  }

  static void* allocate_fresh(size_t bytes, size_t rounded) {
    // The kernel overcommits: a block beyond what is left would be handed out and the process killed when
    // touching it.
    const bool fits = rounded < kAskSystemFrom || rounded <= available_memory();
    if (fits)
      if (void* block = system_allocate(rounded)) return block;
    empty_cpu_cache();
    if (rounded <= available_memory())
      if (void* block = system_allocate(rounded)) return block;
    g_counters.allocated.fetch_sub(static_cast<int64_t>(rounded), std::memory_order_relaxed);
    fail<OutOfMemoryError>(
        "out of memory: a tensor of {} bytes was asked for, {} bytes are in live tensors, {} bytes are left "
        "on this machine; free tensors or use smaller sizes",
        bytes, g_counters.allocated.load(std::memory_order_relaxed), available_memory());
  }
};

}  // namespace

Allocator& cpu_allocator() {
  static auto* allocator = new CpuAllocator;
  return *allocator;
}

MemoryStats cpu_memory_stats() {
  return {g_counters.allocated.load(), g_counters.peak.load(), g_counters.cached.load(),
          g_counters.allocations.load(), g_counters.system.load()};
}

void reset_peak_cpu_memory() { g_counters.peak.store(g_counters.allocated.load()); }

void empty_cpu_cache() {
  SharedBins& shared = shared_bins();
  std::lock_guard lock(shared.mutex);
  for (FreeList& bin : shared.bins)
    while (void* block = bin.pop()) std::free(block);
  g_counters.cached.store(0);
}

void* pool_allocate(size_t bytes) {
  const size_t cls = (bytes - 1) / kAlign;
  if (cls < kPoolClasses) {
    if (void* block = t_bins.pool[cls].pop()) return block;
    bytes = (cls + 1) * kAlign;
  }
  void* block = std::malloc(bytes);
  if (!block) throw std::bad_alloc();
  return block;
}

void pool_free(void* block, size_t bytes) noexcept {
  const size_t cls = (bytes - 1) / kAlign;
  if (cls < kPoolClasses && t_bins.pool[cls].count < 4096 && t_bins.keeps())
    return t_bins.pool[cls].push(block);
  std::free(block);
}

}  // namespace plait
