// The memory of one device: segments, blocks, bins. The model stands in runtime/allocator.h.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cuda/runtime/block.h"
#include "cuda/runtime/out_of_memory.h"

namespace plait::cuda {

struct PrivatePool {
  struct Pools {
    Pool small, large;
  };
  PoolId id;
  int uses = 0;      // captures and graphs that hold it
  int segments = 0;  // of its own
  std::unordered_map<cudaStream_t, std::unique_ptr<Pools>> streams;
};

// Statistics, laid out so that an allocation adds to five neighbours.
struct Counters {
  static constexpr int kStats = static_cast<int>(Stat::Count);
  int64_t current[3][kStats] = {}, peak[3][kStats] = {}, allocated[3][kStats] = {}, freed[3][kStats] = {};

  template <int N>
  void add(Stat first, StatPool pool, const int64_t (&amounts)[N]) {
    const int from = static_cast<int>(first);
    for (const int p : {static_cast<int>(StatPool::All), static_cast<int>(pool)})
      for (int i = 0; i < N; ++i) {
        current[p][from + i] += amounts[i];
        allocated[p][from + i] += amounts[i];
        peak[p][from + i] = std::max(peak[p][from + i], current[p][from + i]);
      }
  }
  template <int N>
  void subtract(Stat first, StatPool pool, const int64_t (&amounts)[N]) {
    const int from = static_cast<int>(first);
    for (const int p : {static_cast<int>(StatPool::All), static_cast<int>(pool)})
      for (int i = 0; i < N; ++i) {
        current[p][from + i] -= amounts[i];
        freed[p][from + i] += amounts[i];
      }
  }
  int64_t now(Stat stat) const { return current[0][static_cast<int>(stat)]; }
};

struct Segment {
  char* base;
  size_t size;
  Pool* pool;
  Block* first;
};

void count_capture(int change) noexcept;  // captures_underway()

class DeviceAllocator {
 public:
  explicit DeviceAllocator(int device) : device_(device) {}

  Block* allocate(size_t bytes, cudaStream_t stream);
  void free(Block* block) noexcept;
  void record(const void* data, Block::Use use);
  Block* find(const void* data);

  void begin_capture(PoolId id, unsigned long long capture);
  void end_capture(PoolId id, unsigned long long capture);
  void release(PoolId id);

  void empty_cache();
  void set_fraction(double fraction);
  double fraction();
  DeviceMemoryStats stats();
  void reset_peaks();
  void reset_accumulated();
  void collect(std::vector<SegmentReport>& into);

 private:
  struct Route {
    unsigned long long capture;
    PrivatePool* pool;
  };
  struct Pending {
    cudaEvent_t event;
    Block* block;
  };
  using StreamOfDevice = std::pair<int, cudaStream_t>;

  PrivatePool::Pools& pools_for(cudaStream_t stream);
  PrivatePool::Pools& pools_in(PrivatePool& owner, cudaStream_t stream);
  Block* take(Pool& pool, size_t size);
  Block* hand_out(Block* block, size_t size, size_t bytes);
  Block* allocate_slowly(Pool& pool, size_t size, size_t bytes, std::unique_lock<std::mutex>& lock);
  Block* new_segment(Pool& pool, size_t bytes, size_t requested);
  bool free_cached_segments();
  void free_segment(std::map<char*, Segment>::iterator at);
  void recycle(Block* block) noexcept;
  void give_back(Block* block) noexcept;
  void merge(Block* block, Block* with) noexcept;
  void record_events(Block* block) noexcept;
  void poll_events() noexcept;
  void wait_for_events();
  void take_up_deferred() noexcept;
  Block* new_block();
  void drop_block(Block* block) noexcept;
  void report_to_recorder(const Block& block, int sign) const noexcept;
  MemoryReport report(size_t bytes, size_t segment);

  const int device_;
  std::mutex mutex_;
  // The pools of the stream that asked last: mostly it asks again.
  cudaStream_t last_stream_ = nullptr;
  PrivatePool::Pools* last_pools_ = nullptr;
  unsigned asked_ = 0;
  Counters counters_;
  std::vector<Route> routes_;  // captures under way on this device

  PrivatePool common_;
  std::vector<std::unique_ptr<PrivatePool>> private_;
  std::map<char*, Segment> segments_;
  std::map<StreamOfDevice, std::deque<Pending>> pending_;  // in the order of each stream
  size_t pending_count_ = 0;
  std::vector<Block*> deferred_;  // freed during a capture, with uses on other streams
  bool empty_later_ = false;
  Block* spare_blocks_ = nullptr;  // threaded through bin_next
  double fraction_ = 1;
  size_t limit_ = SIZE_MAX;
  int64_t retries_ = 0, ooms_ = 0, device_allocations_ = 0, device_frees_ = 0;
};

}  // namespace plait::cuda
