#include "kernels.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "arguments.h"
#include "device.h"
#include "emulator/launch.h"
#include "emulator/threads.h"
#include "emulator/warp.h"
#include "fibers.h"
#include "launch_log.h"
#include "racecheck.h"
#include "streams.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {

unsigned thread_rank;

namespace {

struct Grid {
  const void* kernel;
  dim3 grid, block;
  size_t shared;
  std::shared_ptr<const void> body;
  void (*call)(const void*);
};

constexpr unsigned kThreads = kMaxThreadsPerBlock;
constexpr unsigned kWarps = kThreads / 32;
constexpr uint64_t kNobodys = 0x0101010101010101u * kFresh;  // the value of a lane that does not take part
constexpr size_t kCanary = 256;  // bytes after the dynamic shared memory that must stay as they were

// A thread that waits: where it is, and what it brought to its warp's meeting.
struct Waiting {
  Fiber* fiber;
  LaneOp op;
  unsigned mask;
  unsigned source;
  uint64_t value;
  uint64_t result;
};

// The block that runs. There is one at a time; all state is here.
struct Block {
  const Grid* grid = nullptr;
  bool running = false;
  bool reversed = false;  // threads start from the last
  unsigned total = 0, started = 0, returned = 0;

  // Threads that may go on: a ring, each thread in it at most once.
  unsigned short ready[kThreads];
  unsigned ready_first = 0, ready_count = 0;

  // __syncthreads() and its like.
  BarrierOp barrier_op = BarrierOp::Sync;
  unsigned at_barrier = 0, barrier_true = 0;
  int barrier_result = 0;
  unsigned short barrier_threads[kThreads];

  // Warps: lanes that have returned (or never were), and lanes that wait for others.
  unsigned gone[kWarps], meeting[kWarps];
  Waiting waiting[kThreads];

  uint3 position[kThreads];  // threadIdx by rank
  dim3 positions_of = {0, 0, 0};

  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  Fiber* current = nullptr;
  Context host;

  cudaError_t failure = cudaSuccess;
  bool shared_asked = false;
  alignas(1024) unsigned char shared[kSharedPerBlockOptin + kCanary];
};

Block& block() {
  static Block& it = *new Block;
  return it;
}
Block& b = block();

// --- Switching
// -----------------------------------------------------------------------------------------------------------

void run_threads();
int describe_kernel(char* text, size_t size);
[[noreturn]] void fail_deadlock();

void go_to(Context& from, Fiber* fiber) {
  b.current = fiber;
  switch_context(from, fiber->context);
}

void fiber_main() {
  fiber_started();
  for (;;) {
    run_threads();
    // All threads have started. This stack is free; whoever may go on goes on.
    Fiber* self = b.current;
    b.idle.push_back(self);
    if (b.ready_count) {
      const unsigned next = b.ready[b.ready_first];
      b.ready_first = (b.ready_first + 1) % kThreads;
      --b.ready_count;
      if (b.waiting[next].fiber != self) go_to(self->context, b.waiting[next].fiber);
    } else if (b.returned == b.total) {
      switch_context(self->context, b.host);
    } else {
      fail_deadlock();
    }
  }
}

Fiber* idle_fiber() {
  if (b.idle.empty()) {
    b.fibers.push_back(std::make_unique<Fiber>(fiber_main));
    return b.fibers.back().get();
  }
  Fiber* fiber = b.idle.back();
  b.idle.pop_back();
  return fiber;
}

void make_ready(unsigned thread) {
  b.ready[(b.ready_first + b.ready_count) % kThreads] = static_cast<unsigned short>(thread);
  ++b.ready_count;
}

// Says why, and ends the launch.
[[noreturn]] void fail(cudaError_t error, const char* format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char position[1024];
  describe_position(position, sizeof position);
  std::fprintf(stderr, "CUDA emulator: %s, at %s\n", text, position);
  abandon_launch(error);
}

// No thread can go on: says what they wait for.
void fail_deadlock() {
  char text[1800];
  constexpr size_t size = sizeof text;
  int length = std::snprintf(text, size, "deadlock: of %u threads %u have returned", b.total, b.returned);
  if (b.at_barrier)
    length +=
        std::snprintf(text + length, size - size_t(length), ", %u wait at __syncthreads()", b.at_barrier);
  for (unsigned warp = 0; warp < (b.total + 31) / 32 && size_t(length) + 200 < size; ++warp) {
    if (!b.meeting[warp]) continue;
    const Waiting& first = b.waiting[warp * 32 + unsigned(__builtin_ctz(b.meeting[warp]))];
    const unsigned missing = first.mask & ~b.gone[warp] & ~b.meeting[warp];
    length +=
        std::snprintf(text + length, size - size_t(length),
                      ", lanes 0x%08x of warp %u wait in a warp function with mask 0x%08x for lanes 0x%08x",
                      b.meeting[warp], warp, first.mask, missing);
  }
  fail(cudaErrorLaunchFailure, "%s", text);
}

void settle(unsigned thread) {
  thread_rank = thread;
  threadIdx = b.position[thread];
}

// Lets others run until somebody has made this thread ready and its turn comes.
void suspend(unsigned self) {
  Fiber* fiber = b.current;
  b.waiting[self].fiber = fiber;
  if (b.ready_count) {
    const unsigned next = b.ready[b.ready_first];
    b.ready_first = (b.ready_first + 1) % kThreads;
    --b.ready_count;
    if (next != self) go_to(fiber->context, b.waiting[next].fiber);
  } else if (b.started < b.total) {
    go_to(fiber->context, idle_fiber());
  } else {
    fail_deadlock();
  }
  settle(self);
}

// --- Barriers and warps
// --------------------------------------------------------------------------------------------------

// Lets the threads at the barrier go if all that have not returned are there.
void release_barrier(unsigned self) {
  if (b.at_barrier == 0 || b.at_barrier != b.total - b.returned) return;
  switch (b.barrier_op) {
    case BarrierOp::Sync: b.barrier_result = 0; break;
    case BarrierOp::Or: b.barrier_result = b.barrier_true != 0; break;
    case BarrierOp::And: b.barrier_result = b.barrier_true == b.at_barrier; break;
    case BarrierOp::Count: b.barrier_result = int(b.barrier_true); break;
  }
  for (unsigned i = 0; i < b.at_barrier; ++i)
    if (b.barrier_threads[i] != self) make_ready(b.barrier_threads[i]);
  b.at_barrier = 0;
  racecheck::meet_block();
}

uint64_t combine(LaneOp op, uint64_t x, uint64_t y) {
  const unsigned a = unsigned(x), c = unsigned(y);
  switch (op) {
    case LaneOp::AddUnsigned: return a + c;
    case LaneOp::MinUnsigned: return std::min(a, c);
    case LaneOp::MaxUnsigned: return std::max(a, c);
    case LaneOp::MinSigned: return unsigned(std::min(int(a), int(c)));
    case LaneOp::MaxSigned: return unsigned(std::max(int(a), int(c)));
    case LaneOp::And: return a & c;
    case LaneOp::Or: return a | c;
    default: return a ^ c;
  }
}

// What each of the lanes gets, all of them being there.
void compute_results(Waiting* lanes, LaneOp op, unsigned who) {
  const auto each = [&](auto f) {
    for (unsigned left = who; left; left &= left - 1) f(unsigned(__builtin_ctz(left)));
  };
  switch (op) {
    case LaneOp::Sync: return;
    case LaneOp::Shuffle:
      each([&](unsigned i) {
        const unsigned source = lanes[i].source;
        lanes[i].result = who >> source & 1 ? lanes[source].value : kNobodys;
      });
      return;
    case LaneOp::Ballot: {
      unsigned votes = 0;
      each([&](unsigned i) { votes |= unsigned(lanes[i].value) << i; });
      each([&](unsigned i) { lanes[i].result = votes; });
      return;
    }
    case LaneOp::MatchAny:
      each([&](unsigned i) {
        unsigned same = 0;
        each([&](unsigned j) { same |= unsigned(lanes[i].value == lanes[j].value) << j; });
        lanes[i].result = same;
      });
      return;
    case LaneOp::MatchAll: {
      const uint64_t first = lanes[__builtin_ctz(who)].value;
      bool same = true;
      each([&](unsigned i) { same = same && lanes[i].value == first; });
      each([&](unsigned i) { lanes[i].result = same ? who : 0; });
      return;
    }
    default: {
      const unsigned first = unsigned(__builtin_ctz(who));
      uint64_t all = lanes[first].value;
      each([&](unsigned i) {
        if (i != first) all = combine(op, all, lanes[i].value);
      });
      each([&](unsigned i) { lanes[i].result = all; });
    }
  }
}

// Ends the meeting under `mask` if all its lanes that have not returned are there. `self`, if it is one of
// them, goes on by itself.
bool end_meeting(unsigned warp, unsigned mask, unsigned self) {
  const unsigned who = mask & ~b.gone[warp];
  if (!who || (b.meeting[warp] & who) != who) return false;
  Waiting* lanes = b.waiting + warp * 32;
  const LaneOp op = lanes[__builtin_ctz(who)].op;
  for (unsigned left = who; left; left &= left - 1) {
    const Waiting& lane = lanes[__builtin_ctz(left)];
    if (lane.mask != mask) return false;  // it waits in another meeting, which may end
    if (lane.op != op) fail(cudaErrorLaunchFailure, "lanes of one warp met in different warp functions");
  }
  compute_results(lanes, op, who);
  racecheck::meet_lanes(warp, who);
  b.meeting[warp] &= ~who;
  for (unsigned left = who; left; left &= left - 1) {
    const unsigned thread = warp * 32 + unsigned(__builtin_ctz(left));
    if (thread != self) make_ready(thread);
  }
  return true;
}

void thread_returned(unsigned thread) {
  racecheck::stop_thread();
  ++b.returned;
  if (b.at_barrier) release_barrier(kThreads);
  const unsigned warp = thread / 32;
  b.gone[warp] |= 1u << thread % 32;
  for (unsigned left = b.meeting[warp]; left; left &= left - 1) {
    const unsigned lane = unsigned(__builtin_ctz(left));
    if (b.meeting[warp] >> lane & 1) end_meeting(warp, b.waiting[warp * 32 + lane].mask, kThreads);
  }
}

// --- Blocks and grids
// ----------------------------------------------------------------------------------------------------

// Runs threads that have not started yet, one after another on this stack. A thread that waits keeps the
// stack, and another one takes over here.
void run_threads() {
  const Grid& grid = *b.grid;
  while (b.started < b.total) {
    const unsigned index = b.started++;
    const unsigned thread = b.reversed ? b.total - 1 - index : index;
    settle(thread);
    grid.call(grid.body.get());
    thread_returned(thread);
  }
}

void set_positions(dim3 size) {
  if (size.x == b.positions_of.x && size.y == b.positions_of.y && size.z == b.positions_of.z) return;
  b.positions_of = size;
  unsigned thread = 0;
  for (unsigned z = 0; z < size.z; ++z)
    for (unsigned y = 0; y < size.y; ++y)
      for (unsigned x = 0; x < size.x; ++x) b.position[thread++] = {x, y, z};
}

void run_block() {
  b.started = b.returned = 0;
  b.ready_count = b.at_barrier = 0;
  const unsigned warps = (b.total + 31) / 32;
  std::memset(b.gone, 0, warps * sizeof(unsigned));
  std::memset(b.meeting, 0, warps * sizeof(unsigned));
  if (b.total % 32) b.gone[warps - 1] = ~0u << b.total % 32;
  std::memset(b.shared, kFresh, b.grid->shared);
  if (racecheck::present) racecheck::begin_block();
  b.running = true;
  go_to(b.host, idle_fiber());
  b.running = false;
  if (b.failure == cudaSuccess && b.shared_asked) {
    b.shared_asked = false;
    const unsigned char* end = b.shared + b.grid->shared;
    if (std::any_of(end, end + kCanary, [](unsigned char c) { return c != kFresh; })) {
      std::memset(b.shared, kFresh, sizeof b.shared);
      char who[1024];
      describe_kernel(who, sizeof who);
      std::fprintf(stderr, "CUDA emulator: %s wrote past its %zu bytes of dynamic shared memory\n", who,
                   b.grid->shared);
      b.failure = cudaErrorIllegalAddress;
    }
  }
}

// The running kernel, as one can look it up. Returns the text's length.
int describe_kernel(char* text, size_t size) {
  const void* kernel = b.grid ? b.grid->kernel : nullptr;
  Dl_info info;
  int length;
  if (kernel && dladdr(kernel, &info) && info.dli_fname)
    length =
        std::snprintf(text, size, "the kernel that `addr2line -Cfe %s 0x%zx` names", info.dli_fname,
                      size_t(static_cast<const char*>(kernel) - static_cast<const char*>(info.dli_fbase)));
  else
    length = std::snprintf(text, size, "a kernel");
  return std::min(length, int(size) - 1);
}

void run_grid(const Grid& grid) {
  ++counter(PlaitEmulatorKernels);
  b.grid = &grid;
  b.total = grid.block.x * grid.block.y * grid.block.z;
  b.failure = cudaSuccess;
  blockDim = grid.block;
  gridDim = grid.grid;
  set_positions(grid.block);
  describe_thread_stack(b.host);
  std::memset(b.shared + grid.shared, kFresh, kCanary);
  const uint64_t order = random_bits();
  b.reversed = order & 1;
  const bool blocks_reversed = order & 2;
  const uint64_t blocks = uint64_t(grid.grid.x) * grid.grid.y * grid.grid.z;
  blockIdx = {0, 0, 0};
  if (blocks_reversed) blockIdx = {grid.grid.x - 1, grid.grid.y - 1, grid.grid.z - 1};
  const auto advance = [&](unsigned& index, unsigned size) {  // whether it wrapped around
    if (blocks_reversed) {
      if (index-- > 0) return false;
      index = size - 1;
    } else {
      if (++index < size) return false;
      index = 0;
    }
    return true;
  };
  if (racecheck::present)
    racecheck::begin_launch({grid.grid, grid.block, blocks_reversed, grid.kernel, b.shared, grid.shared});
  for (uint64_t i = 0; i < blocks && b.failure == cudaSuccess; ++i) {
    run_block();
    if (advance(blockIdx.x, grid.grid.x) && advance(blockIdx.y, grid.grid.y))
      advance(blockIdx.z, grid.grid.z);
  }
  if (racecheck::present) racecheck::end_launch();
  if (b.failure == cudaSuccess) {
    char who[1024];
    describe_kernel(who, sizeof who);
    if (find_overrun(who)) b.failure = cudaErrorIllegalAddress;
  }
  b.grid = nullptr;
  if (b.failure == cudaSuccess) return;
  b.idle.clear();
  for (const auto& fiber : b.fibers) {
    fiber->restart();
    b.idle.push_back(fiber.get());
  }
  throw Failure{b.failure};
}

}  // namespace

bool is_kernel_running() { return b.running; }

void abandon_launch(cudaError_t error) {
  b.failure = error;
  switch_context(b.current->context, b.host);
  __builtin_unreachable();
}

int describe_position(char* text, size_t size) {
  const int length = std::snprintf(text, size, "block (%u, %u, %u), thread (%u, %u, %u) of ", blockIdx.x,
                                   blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
  return length + describe_kernel(text + length, size - size_t(length));
}

int meet_block(BarrierOp op, bool predicate) {
  racecheck::stop_thread();
  const unsigned self = thread_rank;
  if (b.at_barrier == 0) {
    b.barrier_op = op;
    b.barrier_true = 0;
  } else if (b.barrier_op != op) {
    fail(cudaErrorLaunchFailure, "threads of one block met in different forms of __syncthreads()");
  }
  b.barrier_true += predicate;
  b.barrier_threads[b.at_barrier++] = static_cast<unsigned short>(self);
  if (b.at_barrier == b.total - b.returned)
    release_barrier(self);
  else
    suspend(self);
  return b.barrier_result;
}

uint64_t meet_lanes(LaneOp op, unsigned mask, uint64_t value, unsigned source) {
  racecheck::stop_thread();
  const unsigned self = thread_rank, warp = self / 32, bit = 1u << self % 32;
  if (!(mask & bit))
    fail(cudaErrorLaunchFailure, "a lane called a warp function with mask 0x%08x without itself", mask);
  Waiting& mine = b.waiting[self];
  mine.op = op;
  mine.mask = mask;
  mine.source = source;
  mine.value = value;
  b.meeting[warp] |= bit;
  if (!end_meeting(warp, mask, self)) suspend(self);
  return mine.result;
}

void yield_thread() {
  racecheck::stop_thread();
  const unsigned self = thread_rank;
  if (b.ready_count == 0 && b.started == b.total) return;
  Fiber* fiber = b.current;
  b.waiting[self].fiber = fiber;
  if (b.ready_count == 0) {
    make_ready(self);
    go_to(fiber->context, idle_fiber());
    settle(self);
    return;
  }
  make_ready(self);
  suspend(self);
}

void trap() { fail(cudaErrorLaunchFailure, "trap"); }

void* dynamic_shared_memory() {
  b.shared_asked = true;
  return b.shared;
}

namespace {

std::map<const void*, size_t>& raised_limits() {  // of dynamic shared memory, by kernel
  static auto& limits = *new std::map<const void*, size_t>;
  return limits;
}

size_t shared_limit(const void* kernel) {
  size_t limit = kSharedPerBlock;
  for (const auto& [known, raised] : raised_limits())
    if (known == kernel || !kernel) limit = std::max(limit, raised);
  return limit;
}

cudaError_t check_launch(const void* kernel, dim3 grid, dim3 block, size_t shared) {
  const auto outside = [](unsigned n, unsigned most) { return n == 0 || n > most; };
  if (outside(block.x, 1024) || outside(block.y, 1024) || outside(block.z, 64) ||
      uint64_t(block.x) * block.y * block.z > kMaxThreadsPerBlock)
    return cudaErrorInvalidConfiguration;
  if (outside(grid.x, 0x7fffffff) || outside(grid.y, 65535) || outside(grid.z, 65535))
    return cudaErrorInvalidConfiguration;
  return shared > shared_limit(kernel) ? cudaErrorInvalidValue : cudaSuccess;
}

}  // namespace

cudaError_t launch_threads(const void* kernel, dim3 grid, dim3 block, size_t shared, cudaStream_t handle,
                           std::shared_ptr<const void> body, void (*call)(const void* body),
                           const Argument* arguments, size_t count) {
  return api("cudaLaunchKernel", Rule::Normal, [&](Lock& lock) {
    Stream* stream;
    if (const cudaError_t status = find_stream(handle, &stream); status != cudaSuccess) return status;
    if (stream->device != current_device().index) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t status = check_launch(kernel, grid, block, shared); status != cudaSuccess)
      return status;
    if (!check_arguments(kernel, arguments, count)) return cudaErrorInvalidValue;
    launch_log::kernel(kernel, grid, block, shared);
    Grid it{kernel, grid, block, shared, std::move(body), call};
    const auto note = std::make_shared<const WorkNote>(
        WorkNote{.kernel = kernel, .grid = grid, .block = block, .shared = shared});
    return submit(
        lock, *stream,
        {WorkKind::Kernel, [it = std::move(it)] { run_grid(it); }, device(stream->device).reachable(), note});
  });
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return api("cudaFuncSetAttribute", Rule::Normal, [&](Lock&) {
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    switch (attribute) {
      case cudaFuncAttributeMaxDynamicSharedMemorySize:
        if (value < 0 || size_t(value) > kSharedPerBlockOptin) return cudaErrorInvalidValue;
        raised_limits()[kernel] = size_t(value);
        return cudaSuccess;
      case cudaFuncAttributePreferredSharedMemoryCarveout:
        return value < -1 || value > 100 ? cudaErrorInvalidValue : cudaSuccess;
      default: return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  return api("cudaFuncGetAttributes", Rule::Normal, [&](Lock&) {
    if (!attributes) return cudaErrorInvalidValue;
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    std::memset(attributes, 0, sizeof *attributes);
    attributes->maxThreadsPerBlock = kMaxThreadsPerBlock;
    attributes->numRegs = 32;
    attributes->ptxVersion = attributes->binaryVersion = 90;
    attributes->maxDynamicSharedSizeBytes = int(shared_limit(kernel));
    attributes->preferredShmemCarveout = -1;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetCacheConfig(const void* kernel, cudaFuncCache) {
  return api("cudaFuncSetCacheConfig", Rule::Normal,
             [&](Lock&) { return kernel ? cudaSuccess : cudaErrorInvalidDeviceFunction; });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel, int block_size,
                                                          size_t dynamic_shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, kernel, block_size,
                                                                dynamic_shared_bytes, cudaOccupancyDefault);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* kernel,
                                                                   int block_size,
                                                                   size_t dynamic_shared_bytes,
                                                                   unsigned int) {
  return api("cudaOccupancyMaxActiveBlocksPerMultiprocessor", Rule::Normal, [&](Lock&) {
    if (!blocks || block_size <= 0) return cudaErrorInvalidValue;
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    *blocks = 0;
    if (block_size > kMaxThreadsPerBlock || dynamic_shared_bytes > kSharedPerBlockOptin) return cudaSuccess;
    const int rounded = (block_size + 31) / 32 * 32;
    const size_t by_shared = kSharedPerMultiprocessor / (dynamic_shared_bytes + kSharedReserved);
    *blocks = std::min({kMaxThreadsPerMultiprocessor / rounded, kMaxBlocksPerMultiprocessor, int(by_shared)});
    return cudaSuccess;
  });
}
