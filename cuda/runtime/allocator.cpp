#include "cuda/runtime/allocator.h"

#include <atomic>
#include <mutex>

#include "core/error.h"
#include "cuda/runtime/device_allocator.h"

namespace plait::cuda {
namespace {

std::atomic<int> g_captures{0};

// Never destroyed: tensors outlive static destruction.
std::atomic<DeviceAllocator*> g_allocators[kMaxDevices];

DeviceAllocator* known_allocator(int device) { return g_allocators[device].load(std::memory_order_acquire); }

__attribute__((noinline)) DeviceAllocator& make_allocator(int device) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (!known_allocator(device))
    g_allocators[device].store(new DeviceAllocator(device), std::memory_order_release);
  return *known_allocator(device);
}

DeviceAllocator& allocator_of(int device) {
  check_device(device);
  DeviceAllocator* known = known_allocator(device);
  return __builtin_expect(known != nullptr, 1) ? *known : make_allocator(device);
}

// Note [Names of blocks]: an op is named just after its result was allocated, on the same thread. So each
// thread remembers its last few large blocks, and finding the one of a storage is comparing addresses. A
// remembered block may have gone meanwhile; but then no storage has its address, or it is that storage's.
constexpr int kRecent = 4;
constinit thread_local Block* t_recent[kRecent] = {};
constinit thread_local unsigned t_next = 0;

Block* recent_block(const StorageImpl* storage) noexcept {
  if (!storage || storage->bytes() <= kSmallMax || storage->device().type != DeviceType::CUDA) return nullptr;
  for (unsigned i = 0; i < kRecent; ++i) {
    Block* block = t_recent[(t_next - 1 - i) % kRecent];
    if (block && block->data == storage->data()) return block;
  }
  return nullptr;
}

}  // namespace

void count_capture(int change) noexcept { g_captures.fetch_add(change, std::memory_order_relaxed); }
int captures_underway() noexcept { return g_captures.load(std::memory_order_relaxed); }

Block* allocate_block(size_t bytes, int device, cudaStream_t stream) {
  check_not_forked();
  return bytes ? allocator_of(device).allocate(bytes, stream) : nullptr;
}

void free_block(Block* block) noexcept {
  if (!block || forked()) return;  // Note [After fork] in device.cpp
  block->pool->allocator->free(block);
}

void* block_data(const Block* block) noexcept { return block ? block->data : nullptr; }

Storage allocate_storage(size_t bytes, int device) {
  Block* block = allocate_block(bytes, device, current_stream(device));
  const Device on{DeviceType::CUDA, static_cast<int8_t>(device)};
  if (!block) return Storage::adopt(new StorageImpl(nullptr, 0, on, nullptr, nullptr));
  if (bytes > kSmallMax) t_recent[t_next++ % kRecent] = block;
  return Storage::adopt(new StorageImpl(
      block->data, bytes, on, [](void* context) { free_block(static_cast<Block*>(context)); }, block));
}

void record_stream(const StorageImpl& storage, cudaStream_t stream, int device) {
  check_not_forked();
  if (!storage.data() || storage.device().type != DeviceType::CUDA) return;
  const int own = storage.device().index;
  allocator_of(own).record(storage.data(), {device < 0 ? own : device, stream});
  if (const auto copy = storage.lower_copy()) record_stream(*copy->storage, stream, device);
}

void note_op(const Storage& storage, const char* op) noexcept {
  if (Block* block = recent_block(storage.get())) block->op = op;
}

void note_op(const Tensor& result, const char* op) noexcept {
  Block* block = recent_block(result.storage().get());
  if (!block) return;
  block->op = op;
  block->dtype = result.dtype();
  block->dims = result.dim() <= Block::kNotedDims ? static_cast<int>(result.dim()) : -1;
  for (int i = 0; i < block->dims; ++i) block->sizes[i] = result.sizes()[i];
}

void begin_allocations_to_pool(int device, PoolId pool, unsigned long long capture) {
  allocator_of(device).begin_capture(pool, capture);
}
void end_allocations_to_pool(int device, PoolId pool, unsigned long long capture) {
  allocator_of(device).end_capture(pool, capture);
}
void release_pool(int device, PoolId pool) { allocator_of(device).release(pool); }

void empty_cache() {
  check_not_forked();
  for (int device = 0; device < device_count(); ++device)
    if (DeviceAllocator* made = known_allocator(device)) made->empty_cache();
}

void set_memory_fraction(int device, double fraction) {
  check(fraction >= 0 && fraction <= 1,
        "set_per_process_memory_fraction: expected a fraction of 0 to 1, got {}", fraction);
  allocator_of(device).set_fraction(fraction);
}
double memory_fraction(int device) { return allocator_of(device).fraction(); }

const char* stat_name(Stat stat) {
  constexpr const char* names[] = {"allocation",           "allocated_bytes", "active",
                                   "active_bytes",         "requested_bytes", "inactive_split",
                                   "inactive_split_bytes", "segment",         "reserved_bytes"};
  static_assert(std::size(names) == static_cast<size_t>(Stat::Count));
  return names[static_cast<int>(stat)];
}

DeviceMemoryStats device_memory_stats(int device) { return allocator_of(device).stats(); }
void reset_peak_memory_stats(int device) { allocator_of(device).reset_peaks(); }
void reset_accumulated_memory_stats(int device) { allocator_of(device).reset_accumulated(); }

std::vector<SegmentInfo> memory_snapshot() {
  std::vector<SegmentReport> reports;
  for (int device = 0; device < device_count(); ++device)
    if (DeviceAllocator* made = known_allocator(device)) made->collect(reports);
  std::vector<SegmentInfo> segments;
  for (SegmentReport& report : reports) {  // in words only now: naming a line takes the GIL
    for (size_t i = 0; i < report.notes.size(); ++i) {
      const BlockNote& note = report.notes[i];
      BlockInfo& block = report.info.blocks[i];
      if (note.op) block.op = note.op;
      block.line = note.line_text();
      block.shape = note.shape_text();
    }
    segments.push_back(std::move(report.info));
  }
  return segments;
}

}  // namespace plait::cuda
