#include "cuda/runtime/device_allocator.h"

#include <cstdlib>
#include <string_view>

#include "core/recorder.h"
#include "cuda/runtime/event_pool.h"

namespace plait::cuda {
namespace {

constexpr size_t kSmallSegment = size_t{2} << 20;
constexpr size_t kLargeSegment = size_t{20} << 20;
constexpr size_t kOwnSegmentFrom = size_t{10} << 20;  // blocks from here on have a segment of their own
constexpr size_t kSegmentStep = size_t{2} << 20;
constexpr size_t kBytesMax = size_t{1} << 47;  // more than any address space has
constexpr unsigned kPollEvery = 64;            // allocations

size_t rounded(size_t bytes) { return (bytes + kGranule - 1) / kGranule * kGranule; }
size_t segment_size(size_t size) {
  if (size <= kSmallMax) return kSmallSegment;
  if (size < kOwnSegmentFrom) return kLargeSegment;
  return (size + kSegmentStep - 1) / kSegmentStep * kSegmentStep;
}
// Is what is left of a block worth a block?
bool worth_splitting(bool small, size_t left) { return small ? left >= kGranule : left > kSmallMax; }

// Note [Without a cache]: with PLAIT_NO_CUDA_MEMORY_CACHING=1 each block is a cudaMalloc of just the bytes
// that were asked for, and goes back when it is freed. A memory checker (compute-sanitizer, the emulator's)
// then sees accesses past the end of a tensor, which in a segment would hit a neighbour, and nobody finds
// what a tensor before had left. Slow: cudaFree waits. What is freed while a graph is captured, or belongs to
// a graph that may be replayed, stays where it is and is not handed out again.
bool is_cached() {
  static const bool cached = [] {
    const char* text = std::getenv("PLAIT_NO_CUDA_MEMORY_CACHING");
    return !text || !*text || std::string_view(text) == "0";
  }();
  return cached;
}

StatPool stat_pool(const Pool& pool) { return pool.small ? StatPool::Small : StatPool::Large; }
int64_t signed_size(size_t size) { return static_cast<int64_t>(size); }

}  // namespace

// ---- handing out

Block* DeviceAllocator::allocate(size_t bytes, cudaStream_t stream) {
  const size_t size = rounded(std::min(bytes, kBytesMax));
  CallSite site;
  if (size > kSmallMax && current_call_site) site = current_call_site();
  std::unique_lock lock(mutex_);
  PrivatePool::Pools& pools = pools_for(stream);
  Pool& pool = size <= kSmallMax ? pools.small : pools.large;
  if (__builtin_expect(pending_count_ != 0, 0) && ++asked_ % kPollEvery == 0) poll_events();
  Block* block = __builtin_expect(is_cached(), 1) ? pool.bins.take(size) : nullptr;
  block = __builtin_expect(block != nullptr, 1) ? hand_out(block, size, bytes)
                                                : allocate_slowly(pool, size, bytes, lock);
  if (!pool.small) {
    block->op = nullptr;
    block->site = site;
    block->dims = -1;
  }
  if (__builtin_expect(recording(), 0)) report_to_recorder(*block, 1);
  return block;
}

void DeviceAllocator::report_to_recorder(const Block& block, int sign) const noexcept {
  record_memory({DeviceType::CUDA, static_cast<int8_t>(device_)}, block.data, sign * signed_size(block.size),
                counters_.now(Stat::AllocatedBytes));
}

// From a free block that is out of its bin: what is not needed goes back.
Block* DeviceAllocator::hand_out(Block* block, size_t size, size_t bytes) {
  Pool& pool = *block->pool;
  const StatPool which = stat_pool(pool);
  if (block->is_split()) counters_.subtract(Stat::InactiveSplit, which, {1, signed_size(block->size)});
  const size_t left = block->size - size;
  if (worth_splitting(pool.small, left)) {
    Block* rest = new_block();
    rest->data = block->data + size;
    rest->size = left;
    rest->pool = &pool;
    rest->previous = block;
    rest->next = block->next;
    if (rest->next) rest->next->previous = rest;
    block->next = rest;
    block->size = size;
    pool.bins.insert(rest);
    counters_.add(Stat::InactiveSplit, which, {1, signed_size(left)});
  }
  block->state = Block::State::Live;
  block->requested = bytes;
  const int64_t taken = signed_size(block->size);
  counters_.add(Stat::Allocation, which, {1, taken, 1, taken, signed_size(bytes)});
  return block;
}

PrivatePool::Pools& DeviceAllocator::pools_in(PrivatePool& owner, cudaStream_t stream) {
  std::unique_ptr<PrivatePool::Pools>& pools = owner.streams[stream];
  if (!pools) {
    pools = std::make_unique<PrivatePool::Pools>();
    for (Pool* pool : {&pools->small, &pools->large}) {
      pool->stream = stream;
      pool->small = pool == &pools->small;
      pool->owner = &owner;
      pool->allocator = this;
    }
  }
  return *pools;
}

PrivatePool::Pools& DeviceAllocator::pools_for(cudaStream_t stream) {
  if (__builtin_expect(!routes_.empty(), 0)) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    unsigned long long id = 0;
    // Asking about the null stream is an error while another stream is captured: it is not captured itself.
    if (cudaStreamGetCaptureInfo(stream, &status, &id) != cudaSuccess) {
      cudaGetLastError();
      status = cudaStreamCaptureStatusNone;  // it is whatever the call left
    }
    if (status == cudaStreamCaptureStatusActive)
      for (const Route& route : routes_)
        if (route.capture == id) return pools_in(*route.pool, stream);
  }
  if (__builtin_expect(stream != last_stream_ || !last_pools_, 0)) {
    last_pools_ = &pools_in(common_, stream);
    last_stream_ = stream;
  }
  return *last_pools_;
}

// Nothing in the cache fits: blocks that other streams have done with, new memory, the cache given back, in
// this order.
Block* DeviceAllocator::allocate_slowly(Pool& pool, size_t size, size_t bytes,
                                        std::unique_lock<std::mutex>& lock) {
  const size_t segment = is_cached() ? segment_size(size) : size;
  const auto again = [&]() -> Block* {
    Block* block = is_cached() ? pool.bins.take(size) : nullptr;
    return block ? hand_out(block, size, bytes) : nullptr;
  };
  if (size < kBytesMax) {
    if (pending_count_ || !deferred_.empty()) {
      poll_events();
      if (Block* block = again()) return block;
    }
    if (Block* block = new_segment(pool, segment, bytes)) return hand_out(block, size, bytes);
    if (captures_underway() == 0) {
      ++retries_;
      if (pending_count_) {
        wait_for_events();
        if (Block* block = again()) return block;
      }
      if (free_cached_segments())
        if (Block* block = new_segment(pool, segment, bytes)) return hand_out(block, size, bytes);
    }
  }
  ++ooms_;
  const MemoryReport found = report(bytes, segment);
  lock.unlock();  // lines of the program are named under the GIL, whose holder may wait for this lock
  throw_out_of_memory(found);
}

// Of so many bytes, for a block of which `requested` are wanted.
Block* DeviceAllocator::new_segment(Pool& pool, size_t bytes, size_t requested) {
  const auto reserved = static_cast<size_t>(counters_.now(Stat::ReservedBytes));
  if (bytes > limit_ || reserved > limit_ - bytes) return nullptr;
  void* base = nullptr;
  {
    const DeviceGuard guard(device_);
    const RelaxedCapture relaxed;
    const cudaError_t status = cudaMalloc(&base, is_cached() ? bytes : (requested + 3) / 4 * 4);
    mark_used(device_);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    check_status(status, "cudaMalloc");
  }
  Block* block = new_block();
  block->data = static_cast<char*>(base);
  block->size = bytes;
  block->pool = &pool;
  segments_.emplace(block->data, Segment{block->data, bytes, &pool, block});
  ++pool.owner->segments;
  ++device_allocations_;
  counters_.add(Stat::Segment, stat_pool(pool), {1, signed_size(bytes)});
  return block;
}

Block* DeviceAllocator::new_block() {
  constexpr int kBatch = 64;
  if (!spare_blocks_) {
    auto* batch = new Block[kBatch];  // never given back: a stale pointer to one is harmless, see note_op
    for (int i = 0; i < kBatch; ++i) drop_block(batch + i);
  }
  Block* block = spare_blocks_;
  spare_blocks_ = block->bin_next;
  block->bin_next = nullptr;
  block->state = Block::State::Free;
  return block;
}

void DeviceAllocator::drop_block(Block* block) noexcept {
  block->data = nullptr;
  block->previous = block->next = nullptr;
  block->bin_next = spare_blocks_;
  spare_blocks_ = block;
}

// ---- taking back

void DeviceAllocator::free(Block* block) noexcept {
  std::lock_guard lock(mutex_);
  counters_.subtract(Stat::Allocation, stat_pool(*block->pool), {1, signed_size(block->size)});
  if (__builtin_expect(recording(), 0)) report_to_recorder(*block, -1);
  if (__builtin_expect(block->uses != nullptr, 0)) {
    block->state = Block::State::Pending;
    if (captures_underway())
      deferred_.push_back(block);
    else
      record_events(block);
    return;
  }
  recycle(block);
}

// Into its bin, joined with its free neighbours.
void DeviceAllocator::recycle(Block* block) noexcept {
  const StatPool which = stat_pool(*block->pool);
  counters_.subtract(Stat::Active, which, {1, signed_size(block->size), signed_size(block->requested)});
  block->state = Block::State::Free;
  if (Block* next = block->next; next && next->state == Block::State::Free) merge(block, next);
  if (Block* previous = block->previous; previous && previous->state == Block::State::Free) {
    previous->pool->bins.remove(previous);
    counters_.subtract(Stat::InactiveSplit, which, {1, signed_size(previous->size)});
    previous->size += block->size;
    previous->next = block->next;
    if (block->next) block->next->previous = previous;
    drop_block(block);
    block = previous;
  }
  block->pool->bins.insert(block);
  if (__builtin_expect(!is_cached(), 0)) return give_back(block);
  if (block->is_split()) counters_.add(Stat::InactiveSplit, which, {1, signed_size(block->size)});
}

// A free block that is a segment, where nothing is kept. A process that ends may have lost its device.
void DeviceAllocator::give_back(Block* block) noexcept {
  const PrivatePool& owner = *block->pool->owner;
  if (captures_underway() || (&owner != &common_ && owner.uses > 0)) return;
  try {
    free_segment(segments_.find(block->data));
  } catch (const std::exception&) {
    return;
  }
}

// The free block behind becomes a part of this one, which is in no bin.
void DeviceAllocator::merge(Block* block, Block* next) noexcept {
  next->pool->bins.remove(next);
  counters_.subtract(Stat::InactiveSplit, stat_pool(*next->pool), {1, signed_size(next->size)});
  block->size += next->size;
  block->next = next->next;
  if (block->next) block->next->previous = block;
  drop_block(next);
}

// Note [Blocks on several streams]: the block is free when the events that are recorded now, one on each of
// the other streams that used it, have passed; its own stream needs none. Events of one stream pass in order,
// so that one that has not passed ends the search in its queue. Where an event cannot be recorded (the
// process is ending and CUDA has gone before us) the block is lost, which then costs nothing.
void DeviceAllocator::record_events(Block* block) noexcept {
  const std::unique_ptr<std::vector<Block::Use>> uses(std::exchange(block->uses, nullptr));
  for (const Block::Use& use : *uses) {
    const cudaEvent_t event = take_event(use.device);
    if (!event || !record_event(use.device, event, use.stream)) {
      ++block->pending_events;  // never to pass
      continue;
    }
    ++block->pending_events;
    ++pending_count_;
    pending_[{use.device, use.stream}].push_back({event, block});
  }
  if (block->pending_events == 0) recycle(block);
}

void DeviceAllocator::take_up_deferred() noexcept {
  if (deferred_.empty() || captures_underway()) return;
  for (Block* block : std::exchange(deferred_, {})) record_events(block);
}

void DeviceAllocator::poll_events() noexcept {
  if (captures_underway()) return;
  const RelaxedCapture relaxed;  // one may begin in another thread just now
  take_up_deferred();
  for (auto& [of, queue] : pending_) {
    while (!queue.empty()) {
      const auto [event, block] = queue.front();
      if (cudaEventQuery(event) != cudaSuccess) {
        cudaGetLastError();
        break;
      }
      give_event(of.first, event);
      queue.pop_front();
      --pending_count_;
      if (--block->pending_events == 0) recycle(block);
    }
  }
}

void DeviceAllocator::wait_for_events() {
  const RelaxedCapture relaxed;
  take_up_deferred();
  for (auto& [of, queue] : pending_)
    if (!queue.empty()) check_cuda(cudaEventSynchronize(queue.back().event));
  poll_events();
}

// ---- the cache

// What is free as a whole goes back to the device; cudaFree waits for it, so that no kernel still reads it.
// Private pools keep theirs as long as a graph lives.
bool DeviceAllocator::free_cached_segments() {
  bool any = false;
  for (auto at = segments_.begin(); at != segments_.end();) {
    const auto here = at++;
    const Segment& segment = here->second;
    const bool kept = segment.pool->owner != &common_ && segment.pool->owner->uses > 0;
    if (kept || segment.first->state != Block::State::Free || segment.first->is_split()) continue;
    free_segment(here);
    any = true;
  }
  std::erase_if(private_,
                [](const std::unique_ptr<PrivatePool>& p) { return p->uses == 0 && p->segments == 0; });
  return any;
}

void DeviceAllocator::free_segment(std::map<char*, Segment>::iterator at) {
  const Segment segment = at->second;
  const DeviceGuard guard(device_);
  const RelaxedCapture relaxed;
  check_cuda(cudaFree(segment.base));
  segments_.erase(at);
  segment.pool->bins.remove(segment.first);
  drop_block(segment.first);
  --segment.pool->owner->segments;
  ++device_frees_;
  counters_.subtract(Stat::Segment, stat_pool(*segment.pool), {1, signed_size(segment.size)});
}

void DeviceAllocator::empty_cache() {
  std::lock_guard lock(mutex_);
  if (captures_underway()) {
    empty_later_ = true;
    return;
  }
  wait_for_events();
  free_cached_segments();
}

void DeviceAllocator::set_fraction(double fraction) {
  size_t limit = SIZE_MAX;
  if (fraction < 1) {
    const DeviceGuard guard(device_);
    size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total));
    limit = static_cast<size_t>(fraction * static_cast<double>(total));
  }
  std::lock_guard lock(mutex_);
  fraction_ = fraction;
  limit_ = limit;
}

double DeviceAllocator::fraction() {
  std::lock_guard lock(mutex_);
  return fraction_;
}

// ---- captures

void DeviceAllocator::begin_capture(PoolId id, unsigned long long capture) {
  std::lock_guard lock(mutex_);
  PrivatePool* pool = nullptr;
  for (const auto& known : private_)
    if (known->id == id) pool = known.get();
  if (!pool) {
    pool = private_.emplace_back(std::make_unique<PrivatePool>()).get();
    pool->id = id;
  }
  ++pool->uses;
  routes_.push_back({capture, pool});
  count_capture(1);
}

void DeviceAllocator::end_capture(PoolId id, unsigned long long capture) {
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const Route& r) { return r.capture == capture && r.pool->id == id; });
  if (found == routes_.end()) return;
  routes_.erase(found);
  count_capture(-1);
  if (captures_underway()) return;
  take_up_deferred();
  if (std::exchange(empty_later_, false)) {
    wait_for_events();
    free_cached_segments();
  }
}

void DeviceAllocator::release(PoolId id) {
  std::lock_guard lock(mutex_);
  for (const auto& pool : private_)
    if (pool->id == id) --pool->uses;
  std::erase_if(private_,
                [](const std::unique_ptr<PrivatePool>& p) { return p->uses == 0 && p->segments == 0; });
}

// ---- other streams, names

Block* DeviceAllocator::find(const void* data) {
  auto after = segments_.upper_bound(static_cast<char*>(const_cast<void*>(data)));
  if (after == segments_.begin()) return nullptr;
  for (Block* b = std::prev(after)->second.first; b; b = b->next)
    if (b->data == data) return b->state == Block::State::Live ? b : nullptr;
  return nullptr;
}

void DeviceAllocator::record(const void* data, Block::Use use) {
  std::lock_guard lock(mutex_);
  Block* block = find(data);
  if (!block || (use.device == device_ && use.stream == block->pool->stream)) return;
  if (!block->uses) block->uses = new std::vector<Block::Use>;
  for (const Block::Use& known : *block->uses)
    if (known.device == use.device && known.stream == use.stream) return;
  block->uses->push_back(use);
}

// ---- what is said about it

MemoryReport DeviceAllocator::report(size_t bytes, size_t segment) {
  MemoryReport r;
  r.device = device_;
  r.requested = bytes;
  r.segment = segment;
  r.live = counters_.now(Stat::AllocatedBytes);
  r.pending = counters_.now(Stat::ActiveBytes) - r.live;
  r.reserved = counters_.now(Stat::ReservedBytes);
  r.split = counters_.now(Stat::InactiveSplitBytes);
  r.fraction = fraction_;
  r.limit = limit_;
  r.capturing = captures_underway() != 0;
  const DeviceGuard guard(device_);
  if (cudaMemGetInfo(&r.free, &r.total) != cudaSuccess) cudaGetLastError();
  for (const auto& [base, segment_] : segments_) {
    if (segment_.pool->owner != &common_) r.in_private_pools += signed_size(segment_.size);
    for (const Block* b = segment_.first; b; b = b->next) {
      if (b->state == Block::State::Free)
        r.largest_free = std::max(r.largest_free, b->size);
      else if (b->state == Block::State::Live)
        r.add_live(*b);
    }
  }
  return r;
}

void DeviceAllocator::collect(std::vector<SegmentReport>& into) {
  std::lock_guard lock(mutex_);
  for (const auto& [base, segment] : segments_) {
    SegmentReport& s = into.emplace_back();
    s.info.address = reinterpret_cast<uintptr_t>(segment.base);
    s.info.size = segment.size;
    s.info.device = device_;
    s.info.stream = reinterpret_cast<uintptr_t>(segment.pool->stream);
    s.info.small = segment.pool->small;
    s.info.pool = segment.pool->owner->id;
    for (const Block* b = segment.first; b; b = b->next) {
      BlockInfo& info = s.info.blocks.emplace_back();
      info.address = reinterpret_cast<uintptr_t>(b->data);
      info.size = b->size;
      info.requested = b->state == Block::State::Free ? 0 : b->requested;
      info.state = static_cast<BlockInfo::State>(b->state);
      s.notes.emplace_back(b->state == Block::State::Live && !segment.pool->small ? BlockNote(*b)
                                                                                  : BlockNote());
    }
  }
}

DeviceMemoryStats DeviceAllocator::stats() {
  std::lock_guard lock(mutex_);
  DeviceMemoryStats s;
  for (int stat = 0; stat < Counters::kStats; ++stat)
    for (int pool = 0; pool < 3; ++pool)
      s.values[stat][pool] = {counters_.current[pool][stat], counters_.peak[pool][stat],
                              counters_.allocated[pool][stat], counters_.freed[pool][stat]};
  s.retries = retries_;
  s.ooms = ooms_;
  s.device_allocations = device_allocations_;
  s.device_frees = device_frees_;
  return s;
}

void DeviceAllocator::reset_peaks() {
  std::lock_guard lock(mutex_);
  std::copy(&counters_.current[0][0], &counters_.current[0][0] + 3 * Counters::kStats, &counters_.peak[0][0]);
}

void DeviceAllocator::reset_accumulated() {
  std::lock_guard lock(mutex_);
  std::fill_n(&counters_.allocated[0][0], 3 * Counters::kStats, 0);
  std::fill_n(&counters_.freed[0][0], 3 * Counters::kStats, 0);
  retries_ = ooms_ = device_allocations_ = device_frees_ = 0;
}

}  // namespace plait::cuda
