// Device memory: a caching allocator that is ordered by streams.
//
// cudaMalloc and cudaFree cost tens of microseconds, and cudaFree waits for the whole device. So memory is
// asked for in segments, which are split into blocks and kept: blocks up to 1 MiB come from segments of 2
// MiB, larger ones from segments of 20 MiB, the largest have segments of their own. A freed block is merged
// with its free neighbours.
//
// A block belongs to the stream that was current when it was handed out. When it is freed, kernels of that
// stream may still be reading it; whoever gets it next on the same stream launches behind them, so it is
// handed out again at once, and nothing waits. Only a block that was also used on another stream
// (`record_stream`) is kept back until the events of these streams have passed.
//
// A graph that is captured writes the same addresses at each replay. What is allocated during the capture
// therefore comes from a private pool, whose memory nobody else gets as long as the graph lives.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {

// ---- blocks

struct Block;

// A block of the device on a stream of it, at least 512-byte aligned. Raises OutOfMemoryError. Null for 0
// bytes.
Block* allocate_block(size_t bytes, int device, cudaStream_t stream);
void free_block(Block* block) noexcept;  // on any thread, at any time
void* block_data(const Block* block) noexcept;

// On the device's current stream.
Storage allocate_storage(size_t bytes, int device);

// Kernels on `stream` use the storage's memory: it is not handed out again before they are done. `device`:
// the stream's, where it is not the storage's.
void record_stream(const StorageImpl& storage, cudaStream_t stream, int device = -1);

// The op that allocated, for the message of OutOfMemoryError and the snapshot. Only blocks above 1 MiB are
// named; for smaller ones it is one comparison. `op` lives for ever.
void note_op(const Storage& storage, const char* op) noexcept;
void note_op(const Tensor& result, const char* op) noexcept;  // its shape, too

// ---- private pools

struct PoolId {
  uint64_t owner = 0, number = 0;
  bool operator==(const PoolId&) const = default;
};

// From now on what the capture with this id allocates comes from the pool; it is made when it is new.
void begin_allocations_to_pool(int device, PoolId pool, unsigned long long capture);
void end_allocations_to_pool(int device, PoolId pool, unsigned long long capture);
// One call for each begin, when the graph is gone: the pool's memory can be given back.
void release_pool(int device, PoolId pool);
// How many captures are under way in the process. Meanwhile nothing is freed and no event is asked for.
int captures_underway() noexcept;

// ---- the cache

void empty_cache();  // of all devices; during a capture, at its end
void set_memory_fraction(int device, double fraction);
double memory_fraction(int device);

// ---- statistics, with PyTorch's meanings

struct StatValue {
  int64_t current = 0, peak = 0, allocated = 0, freed = 0;
};
enum class Stat {
  Allocation,      // blocks in live tensors
  AllocatedBytes,  //
  Active,          // and those kept back until another stream is done
  ActiveBytes,     //
  RequestedBytes,  // active, without what rounding added
  InactiveSplit,   // free blocks beside blocks in use, which cannot be given back
  InactiveSplitBytes,
  Segment,  // from cudaMalloc
  ReservedBytes,
  Count
};
const char* stat_name(Stat stat);  // "allocated_bytes"
enum class StatPool { All, Small, Large };

struct DeviceMemoryStats {
  StatValue values[static_cast<int>(Stat::Count)][3];
  int64_t retries = 0;  // allocations that had to empty the cache
  int64_t ooms = 0;
  int64_t device_allocations = 0, device_frees = 0;  // calls of cudaMalloc and cudaFree
};
DeviceMemoryStats device_memory_stats(int device);
void reset_peak_memory_stats(int device);
void reset_accumulated_memory_stats(int device);

struct BlockInfo {
  uintptr_t address;
  size_t size, requested;
  enum class State { Live, Pending, Free } state;
  std::string op, line, shape;  // empty where unknown
};
struct SegmentInfo {
  uintptr_t address;
  size_t size;
  int device;
  uintptr_t stream;
  bool small;
  PoolId pool;  // zeros: the common one
  std::vector<BlockInfo> blocks;
};
std::vector<SegmentInfo> memory_snapshot();  // of all devices

}  // namespace plait::cuda
