#include "memory.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "api.h"
#include "device.h"
#include "kernels.h"
#include "streams.h"

namespace emulator {

namespace {

constexpr size_t kAlignment = 512;    // of cudaMalloc
constexpr size_t kGuard = 512;        // bytes after each block that must stay as they were
constexpr size_t kPage = 2ull << 20;  // rights change by pages of this size
constexpr size_t kReserved = 1ull << 38;

size_t round_up(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

struct HostBlock {
  size_t bytes;
  unsigned flags;
  bool registered;  // cudaHostRegister: not ours to free
};
std::map<char*, HostBlock>& host_blocks() {
  static auto& blocks = *new std::map<char*, HostBlock>;
  return blocks;
}

struct sigaction previous_action;

// Says what happened, then lets the fault go its way.
void explain_fault(int, siginfo_t* info, void*) {
  const auto* address = static_cast<const char*>(info->si_addr);
  char text[512];
  int length = 0;
  for (int i = 0; i < device_count(); ++i) {
    const Arena& arena = device(i).arena;
    if (!arena.base || address < arena.base || address >= arena.base + arena.reserved) continue;
    if (is_kernel_running()) break;
    length = std::snprintf(text, sizeof text, "CUDA emulator: the host touched memory of device %d, at %p.\n",
                           i, info->si_addr);
  }
  if (is_kernel_running()) {
    length = std::snprintf(text, sizeof text, "CUDA emulator: bad address %p in ", info->si_addr);
    length += describe_position(text + length, sizeof text - size_t(length));
    if (length < int(sizeof text) - 1) text[length++] = '\n';
  }
  if (length > 0 && write(STDERR_FILENO, text, size_t(length)) < 0) length = 0;
  sigaction(SIGSEGV, &previous_action, nullptr);
}

bool reserve(Arena& arena) {
  for (size_t bytes = kReserved; bytes >= kPage; bytes /= 2) {
    void* memory =
        mmap(nullptr, bytes + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) continue;
    arena.base = reinterpret_cast<char*>(round_up(reinterpret_cast<size_t>(memory), kPage));
    arena.reserved = bytes;
    // Few large pages: changing their rights at every synchronisation stays cheap.
    madvise(arena.base, bytes, MADV_HUGEPAGE);
    static const bool once = [] {
      struct sigaction action = {};
      action.sa_sigaction = explain_fault;
      action.sa_flags = SA_SIGINFO | SA_ONSTACK;
      sigaction(SIGSEGV, &action, &previous_action);
      return true;
    }();
    return once;
  }
  return false;
}

void set_rights(Arena& arena, int rights) {
  if (mprotect(arena.base, round_up(arena.top, kPage), rights) != 0) {
    std::perror("CUDA emulator: mprotect");
    std::abort();
  }
}

// The block from `unused` or from the top. The first that fits: memory in use stays together.
char* take(Arena& arena, size_t bytes) {
  for (auto it = arena.unused.begin(); it != arena.unused.end(); ++it) {
    if (it->second < bytes) continue;
    char* block = it->first;
    const size_t left = it->second - bytes;
    arena.unused.erase(it);
    if (left) arena.unused[block + bytes] = left;
    return block;
  }
  if (bytes > arena.reserved - arena.top) return nullptr;
  char* block = arena.base + arena.top;
  arena.top += bytes;
  if (arena.open) set_rights(arena, PROT_READ | PROT_WRITE);
  return block;
}

void give_back(Arena& arena, char* block, size_t bytes) {
  auto next = arena.unused.emplace(block, bytes).first;
  if (next != arena.unused.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == next->first) {
      before->second += next->second;
      arena.unused.erase(next);
      next = before;
    }
  }
  const auto after = std::next(next);
  if (after != arena.unused.end() && next->first + next->second == after->first) {
    next->second += after->second;
    arena.unused.erase(after);
  }
}

void note_use(Arena& arena, size_t bytes, bool taken) {
  uint64_t& all = counter(PlaitEmulatorBytes);
  arena.used = taken ? arena.used + bytes : arena.used - bytes;
  all = taken ? all + bytes : all - bytes;
  if (all > counter(PlaitEmulatorPeakBytes)) counter(PlaitEmulatorPeakBytes) = all;
}

bool is_filled(const char* from, const char* to, int pattern) {
  return std::all_of(from, to, [=](char c) { return static_cast<unsigned char>(c) == pattern; });
}

// Whether the bytes after a block are as they were. If not, says so, once.
bool is_guard_intact(char* block, size_t bytes, const char* who) {
  char* end = block + round_up(bytes, kAlignment) + kGuard;
  if (is_filled(block + bytes, end, kFresh)) return true;
  std::fprintf(stderr, "CUDA emulator: %s: the memory after a block of %zu bytes at %p was overwritten\n",
               who, bytes, static_cast<void*>(block));
  std::memset(block + bytes, kFresh, size_t(end - (block + bytes)));
  return false;
}

}  // namespace

void open_memory(uint64_t devices) {
  for (int i = 0; i < device_count(); ++i) {
    Arena& arena = device(i).arena;
    if (!(devices >> i & 1) || arena.open) continue;
    arena.open = true;
    if (arena.top) set_rights(arena, PROT_READ | PROT_WRITE);
  }
}

void close_memory() {
  for (int i = 0; i < device_count(); ++i) {
    Arena& arena = device(i).arena;
    if (!arena.open) continue;
    arena.open = false;
    if (arena.top) set_rights(arena, PROT_NONE);
  }
}

bool find_overrun(const char* who) {
  constexpr int kMost = 64;
  static size_t turn = 0;
  bool found = false;
  for (int i = 0; i < device_count(); ++i) {
    Arena& arena = device(i).arena;
    if (!arena.open || arena.live.empty()) continue;
    auto it = arena.live.begin();
    if (arena.live.size() > kMost) std::advance(it, turn++ % (arena.live.size() / kMost + 1) * kMost);
    for (int n = 0; n < kMost && it != arena.live.end(); ++n, ++it)
      found = !is_guard_intact(it->first, it->second, who) || found;
  }
  return found;
}

cudaError_t allocate(int index, size_t bytes, void** pointer) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  Arena& arena = device(index).arena;
  if (bytes > arena.total) return cudaErrorMemoryAllocation;
  const size_t rounded = round_up(bytes, kAlignment);
  if (rounded > arena.total || arena.used > arena.total - rounded) return cudaErrorMemoryAllocation;
  if (!arena.base && !reserve(arena)) return cudaErrorMemoryAllocation;
  const size_t top = arena.top;
  char* block = take(arena, rounded + kGuard);
  if (!block) return cudaErrorMemoryAllocation;
  open_memory(1ull << index);
  if (block < arena.base + top && !is_filled(block, block + rounded + kGuard, kFreed)) {
    std::fprintf(stderr, "CUDA emulator: memory at %p was written after it had been freed\n",
                 static_cast<void*>(block));
    std::memset(block, kFreed, rounded + kGuard);
    give_back(arena, block, rounded + kGuard);
    fail_device(device(index), cudaErrorIllegalAddress);
    return cudaErrorIllegalAddress;
  }
  std::memset(block, kFresh, rounded + kGuard);
  arena.live[block] = bytes;
  note_use(arena, rounded, true);
  *pointer = block;
  return cudaSuccess;
}

cudaError_t release(void* pointer) {
  for (int i = 0; i < device_count(); ++i) {
    Arena& arena = device(i).arena;
    const auto found = arena.live.find(static_cast<char*>(pointer));
    if (found == arena.live.end()) continue;
    const auto [block, bytes] = *found;
    const size_t rounded = round_up(bytes, kAlignment);
    open_memory(1ull << i);
    const bool intact = is_guard_intact(block, bytes, "cudaFree");
    std::memset(block, kFreed, rounded + kGuard);
    arena.live.erase(found);
    give_back(arena, block, rounded + kGuard);
    note_use(arena, rounded, false);
    if (intact) return cudaSuccess;
    fail_device(device(i), cudaErrorIllegalAddress);
    return cudaErrorIllegalAddress;
  }
  return cudaErrorInvalidValue;
}

void release_all(int index) {
  Arena& arena = device(index).arena;
  while (!arena.live.empty()) release(arena.live.begin()->first);
}

Place locate(const void* pointer, size_t bytes) {
  const auto* address = static_cast<const char*>(pointer);
  for (int i = 0; i < device_count(); ++i) {
    const Arena& arena = device(i).arena;
    if (!arena.base || address < arena.base || address >= arena.base + arena.reserved) continue;
    const auto after = arena.live.upper_bound(const_cast<char*>(address));
    if (after == arena.live.begin()) return {Place::Device, i, false};
    const auto& [block, size] = *std::prev(after);
    const size_t offset = size_t(address - block);
    return {Place::Device, i, offset < size && bytes <= size - offset};
  }
  const auto after = host_blocks().upper_bound(const_cast<char*>(address));
  if (after == host_blocks().begin()) return {};
  const auto& [block, host] = *std::prev(after);
  const size_t offset = size_t(address - block);
  if (offset >= host.bytes) return {};
  return {Place::Pinned, -1, bytes <= host.bytes - offset};
}

bool is_device_accessible(const void* pointer, size_t bytes) {
  Lock lock(mutex());
  const Place place = locate(pointer, bytes);
  return place.kind != Place::Pageable && place.whole;
}

namespace {

cudaError_t allocate_host(void** pointer, size_t bytes, unsigned flags) {
  if (!pointer || flags & ~7u) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (posix_memalign(pointer, 4096, bytes) != 0) {
    *pointer = nullptr;
    return cudaErrorMemoryAllocation;
  }
  std::memset(*pointer, kFresh, bytes);
  host_blocks()[static_cast<char*>(*pointer)] = {bytes, flags, false};
  ++counter(PlaitEmulatorHostAllocations);
  return cudaSuccess;
}

}  // namespace

}  // namespace emulator

using namespace emulator;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return api("cudaMalloc", Rule::Unsafe, [&](Lock&) {
    if (!pointer) return cudaErrorInvalidValue;
    const cudaError_t status = allocate(current_device().index, bytes, pointer);
    if (status == cudaSuccess) ++counter(PlaitEmulatorMallocs);
    return status;
  });
}

cudaError_t cudaFree(void* pointer) {
  return api("cudaFree", Rule::Unsafe, [&](Lock& lock) {
    if (!pointer) return cudaSuccess;
    const Place place = locate(pointer, 1);
    if (place.kind != Place::Device || !device(place.device).arena.live.count(static_cast<char*>(pointer)))
      return cudaErrorInvalidValue;
    const cudaError_t waited = wait_device(lock, device(place.device));
    if (waited != cudaSuccess) return waited;
    const cudaError_t status = release(pointer);
    if (status == cudaSuccess) ++counter(PlaitEmulatorFrees);
    return status;
  });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes, unsigned int flags) {
  return api("cudaMallocHost", Rule::Unsafe, [&](Lock&) { return allocate_host(pointer, bytes, flags); });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned int flags) {
  return api("cudaHostAlloc", Rule::Unsafe, [&](Lock&) { return allocate_host(pointer, bytes, flags); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return api("cudaFreeHost", Rule::Unsafe, [&](Lock& lock) {
    if (!pointer) return cudaSuccess;
    const auto found = host_blocks().find(static_cast<char*>(pointer));
    if (found == host_blocks().end() || found->second.registered) return cudaErrorInvalidValue;
    const cudaError_t waited = wait_device(lock, current_device());
    if (waited != cudaSuccess) return waited;
    std::memset(pointer, kFreed, found->second.bytes);
    host_blocks().erase(static_cast<char*>(pointer));
    std::free(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned int flags) {
  return api("cudaHostRegister", Rule::Unsafe, [&](Lock&) {
    if (!pointer || bytes == 0) return cudaErrorInvalidValue;
    char* first = static_cast<char*>(pointer);
    const auto after = host_blocks().lower_bound(first + bytes);
    if (after != host_blocks().begin()) {
      const auto& [block, host] = *std::prev(after);
      if (block + host.bytes > first) return cudaErrorHostMemoryAlreadyRegistered;
    }
    host_blocks()[first] = {bytes, flags, true};
    ++counter(PlaitEmulatorHostAllocations);
    return cudaSuccess;
  });
}

cudaError_t cudaHostUnregister(void* pointer) {
  return api("cudaHostUnregister", Rule::Unsafe, [&](Lock& lock) {
    const auto found = host_blocks().find(static_cast<char*>(pointer));
    if (found == host_blocks().end() || !found->second.registered) return cudaErrorHostMemoryNotRegistered;
    const cudaError_t waited = wait_device(lock, current_device());
    if (waited == cudaSuccess) host_blocks().erase(static_cast<char*>(pointer));
    return waited;
  });
}

cudaError_t cudaHostGetDevicePointer(void** device_pointer, void* host_pointer, unsigned int flags) {
  return api("cudaHostGetDevicePointer", Rule::Normal, [&](Lock&) {
    if (!device_pointer || flags != 0 || locate(host_pointer, 1).kind != Place::Pinned)
      return cudaErrorInvalidValue;
    *device_pointer = host_pointer;
    return cudaSuccess;
  });
}

cudaError_t cudaHostGetFlags(unsigned int* flags, void* pointer) {
  return api("cudaHostGetFlags", Rule::Normal, [&](Lock&) {
    const auto found = host_blocks().find(static_cast<char*>(pointer));
    if (!flags || found == host_blocks().end()) return cudaErrorInvalidValue;
    *flags = found->second.flags;
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return api("cudaPointerGetAttributes", Rule::Normal, [&](Lock&) {
    if (!attributes) return cudaErrorInvalidValue;
    *attributes = {};
    const Place place = locate(pointer, 1);
    void* same = const_cast<void*>(pointer);
    attributes->device = -2;  // cudaInvalidDeviceId
    if (place.kind == Place::Device && place.whole) {
      attributes->type = cudaMemoryTypeDevice;
      attributes->device = place.device;
      attributes->devicePointer = same;
    } else if (place.kind == Place::Pinned) {
      attributes->type = cudaMemoryTypeHost;
      attributes->device = current_device().index;
      attributes->devicePointer = attributes->hostPointer = same;
    } else if (place.kind == Place::Pageable) {
      attributes->hostPointer = same;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return api("cudaMemGetInfo", Rule::Normal, [&](Lock&) {
    if (!free || !total) return cudaErrorInvalidValue;
    const Arena& arena = current_device().arena;
    *total = arena.total;
    *free = arena.total > arena.used ? arena.total - arena.used : 0;
    return cudaSuccess;
  });
}
