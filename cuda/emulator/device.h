// The devices of the machine, alike but for their number.
#pragma once

#include <memory>
#include <vector>

#include "memory.h"
#include "streams.h"

namespace emulator {

constexpr int kMaxDevices = 16;
constexpr int kMultiprocessors = 132;
constexpr int kMaxThreadsPerBlock = 1024;
constexpr int kMaxThreadsPerMultiprocessor = 2048;
constexpr int kMaxBlocksPerMultiprocessor = 32;
constexpr size_t kSharedPerBlock = 48 << 10;
constexpr size_t kSharedPerBlockOptin = 227 << 10;
constexpr size_t kSharedPerMultiprocessor = 228 << 10;
constexpr size_t kSharedReserved = 1 << 10;
constexpr size_t kL2Bytes = 60 << 20;
constexpr int kLeastPriority = 0, kGreatestPriority = -5;

struct Device {
  explicit Device(int number);
  int index;
  Arena arena;
  cudaError_t failure = cudaSuccess;  // what ended the context
  uint64_t peers = 0;                 // devices whose memory kernels may use
  CUstream_st null_stream;
  std::vector<std::unique_ptr<CUstream_st>>
      streams;  // destroyed ones too: their addresses are not used again

  uint64_t reachable() const { return 1ull << index | peers; }
};

int device_count();
Device& device(int index);
Device& current_device();  // of the calling thread

}  // namespace emulator
