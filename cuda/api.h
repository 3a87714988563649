// What the Python bindings ask of the CUDA library. No CUDA header here: the bindings are compiled without.
// The library's DeviceBackend (core/backend.h) is one of these.
//
// Streams are handles (cudaStream_t as a number; 0: the null stream) of a device that the caller knows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/generator.h"
#include "core/storage.h"

namespace plait {

using CudaStreamHandle = uintptr_t;
using CudaPoolId = std::pair<uint64_t, uint64_t>;

struct CudaDeviceInfo {
  std::string name, uuid;
  int major = 0, minor = 0;
  int multiprocessors = 0, warp_size = 0, max_threads_per_multiprocessor = 0, max_threads_per_block = 0;
  int registers_per_multiprocessor = 0, integrated = 0, multi_gpu_board = 0;
  int pci_domain = 0, pci_bus = 0, pci_device = 0;
  int clock_khz = 0, memory_clock_khz = 0, memory_bus_bits = 0;
  size_t total_memory = 0, l2_bytes = 0;
  size_t shared_memory_per_block = 0, shared_memory_per_block_optin = 0, shared_memory_per_multiprocessor = 0;
};

struct CudaVersions {
  int driver = 0, runtime = 0;  // 13000 is 13.0
};

class PLAIT_API CudaEvent {
 public:
  virtual ~CudaEvent() = default;
  virtual int device() const = 0;  // -1: not recorded yet
  virtual uintptr_t handle() const = 0;
  virtual void record(int device, CudaStreamHandle stream) = 0;
  virtual void wait(int device, CudaStreamHandle stream) = 0;  // the stream waits
  virtual bool query() = 0;
  virtual void synchronize() = 0;
  virtual double elapsed_ms(CudaEvent& end) = 0;
};

class PLAIT_API CudaGraph {
 public:
  virtual ~CudaGraph() = default;
  // On the calling thread's current stream. `pool`: of another graph or a handle; zeros for a pool of its
  // own.
  virtual void capture_begin(CudaPoolId pool, const std::string& error_mode) = 0;
  virtual void capture_end() = 0;
  virtual void replay() = 0;
  virtual void reset() = 0;
  virtual CudaPoolId pool() const = 0;
  virtual void register_generator(Generator generator) = 0;
  virtual int64_t node_count() const = 0;
  virtual void enable_debug_mode() = 0;
  virtual void debug_dump(const std::string& path) = 0;
};

struct CudaStat {
  std::string name;  // "allocated_bytes.all.peak"
  int64_t value;
};
struct CudaBlock {
  uintptr_t address;
  size_t size, requested;
  const char* state;  // as PyTorch names them
  std::string op, line, shape;
};
struct CudaSegment {
  uintptr_t address;
  size_t size;
  int device;
  CudaStreamHandle stream;
  bool small;
  CudaPoolId pool;
  std::vector<CudaBlock> blocks;
};

class PLAIT_API CudaApi {
 public:
  virtual ~CudaApi() = default;

  // devices
  virtual int device_count() = 0;
  virtual int current_device() = 0;
  virtual void set_device(int device) = 0;
  virtual void synchronize(int device) = 0;
  virtual CudaDeviceInfo properties(int device) = 0;
  virtual CudaVersions versions() = 0;
  virtual std::pair<size_t, size_t> memory_info(int device) = 0;  // free, total
  virtual bool can_access_peer(int device, int peer) = 0;
  virtual bool is_emulated() = 0;                                // CUDA on the CPU, for tests
  virtual int64_t library_version(const std::string& name) = 0;  // "cudnn"; 0: absent
  // The plans that a library keeps ("cufft").
  virtual int64_t plan_cache_size(const std::string& library, int device) = 0;
  virtual int64_t plan_cache_max_size(const std::string& library, int device) = 0;
  virtual void set_plan_cache_max_size(const std::string& library, int device, int64_t size) = 0;
  virtual void clear_plan_cache(const std::string& library, int device) = 0;

  // streams
  virtual CudaStreamHandle current_stream(int device) = 0;
  virtual void set_stream(int device, CudaStreamHandle stream) = 0;
  virtual CudaStreamHandle new_stream(int device, int priority) = 0;  // from the pool
  virtual std::pair<int, int> priority_range(int device) = 0;         // lowest, highest
  virtual int stream_priority(int device, CudaStreamHandle stream) = 0;
  virtual void synchronize_stream(int device, CudaStreamHandle stream) = 0;
  virtual bool query_stream(int device, CudaStreamHandle stream) = 0;
  virtual bool is_capturing(int device, CudaStreamHandle stream) = 0;
  virtual void record_stream(const StorageImpl& storage, int device, CudaStreamHandle stream) = 0;

  virtual std::unique_ptr<CudaEvent> new_event(bool timing, bool blocking, bool external) = 0;
  virtual std::unique_ptr<CudaGraph> new_graph() = 0;
  virtual CudaPoolId new_pool_id() = 0;

  // memory
  virtual void empty_cache() = 0;
  virtual std::vector<CudaStat> memory_stats(int device) = 0;
  virtual void reset_peak_memory_stats(int device) = 0;
  virtual void reset_accumulated_memory_stats(int device) = 0;
  virtual std::vector<CudaSegment> memory_snapshot() = 0;
  virtual void set_memory_fraction(int device, double fraction) = 0;
  virtual double memory_fraction(int device) = 0;
  // Memory without a tensor, for other libraries.
  virtual uintptr_t allocate_raw(size_t bytes, int device, CudaStreamHandle stream) = 0;
  virtual void free_raw(uintptr_t address) = 0;

  // page-locked host memory
  virtual Storage allocate_pinned(size_t bytes) = 0;
  virtual bool is_pinned(const void* address) = 0;
  virtual void empty_pinned_cache() = 0;
  virtual std::vector<CudaStat> pinned_memory_stats() = 0;
};

}  // namespace plait
