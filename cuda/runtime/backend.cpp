// What core and the bindings see of the CUDA library.
#include "core/backend.h"

#include <cstdlib>
#include <mutex>
#include <unordered_map>

#include "core/error.h"
#include "cuda/api.h"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event.h"
#include "cuda/runtime/fault.h"
#include "cuda/runtime/graph.h"
#include "cuda/runtime/libraries.h"
#include "cuda/runtime/pinned.h"
#include "cuda/runtime/thread_state.h"

namespace plait::cuda {
namespace {

constexpr int kVersionNeeded = CUDART_VERSION;

class Backend final : public DeviceBackend, public CudaApi {
 public:
  // ---- core
  Storage allocate(size_t bytes, Device device) override { return allocate_storage(bytes, device.index); }
  int current_device() override { return cuda::current_device(); }
  int exchange_device(int device) override {
    const int before = cuda::current_device();
    if (device != before) cuda::set_device(device);
    return before;
  }
  bool find_stream(int device, void** stream) override {
    check_device(device);
    *stream = cuda::current_stream(device);
    return true;
  }

  // ---- devices
  int device_count() override { return cuda::device_count(); }
  void set_device(int device) override { cuda::set_device(device); }
  void synchronize(int device) override { synchronize_device(device); }
  CudaDeviceInfo properties(int device) override;
  CudaVersions versions() override;
  std::pair<size_t, size_t> memory_info(int device) override {
    const DeviceGuard guard(device);
    check_not_forked();
    size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total));
    return {free, total};
  }
  bool can_access_peer(int device, int peer) override { return cuda::can_access_peer(device, peer); }
  bool is_emulated() override {
#ifdef PLAIT_CUDA_EMULATED
    return true;
#else
    return false;
#endif
  }
  int64_t library_version(const std::string& name) override { return cuda::library_version(name); }
  int64_t plan_cache_size(const std::string& library, int device) override {
    check_device(device);
    return plan_cache(library).size(device);
  }
  int64_t plan_cache_max_size(const std::string& library, int device) override {
    check_device(device);
    return plan_cache(library).max_size(device);
  }
  void set_plan_cache_max_size(const std::string& library, int device, int64_t size) override {
    check_device(device);
    plan_cache(library).set_max_size(device, size);
  }
  void clear_plan_cache(const std::string& library, int device) override {
    check_device(device);
    plan_cache(library).clear(device);
  }

  // ---- streams
  CudaStreamHandle current_stream(int device) override {
    check_device(device);
    return reinterpret_cast<CudaStreamHandle>(cuda::current_stream(device));
  }
  void set_stream(int device, CudaStreamHandle stream) override {
    check_not_forked();
    check_device(device);
    set_current_stream(device, to_stream(stream));
  }
  CudaStreamHandle new_stream(int device, int priority) override {
    return reinterpret_cast<CudaStreamHandle>(pooled_stream(device, priority));
  }
  std::pair<int, int> priority_range(int device) override { return {0, highest_priority(device)}; }
  int stream_priority(int device, CudaStreamHandle stream) override {
    const DeviceGuard guard(device);
    return cuda::stream_priority(to_stream(stream));
  }
  void synchronize_stream(int device, CudaStreamHandle stream) override {
    const DeviceGuard guard(device);
    cuda::synchronize_stream(to_stream(stream));
  }
  bool query_stream(int device, CudaStreamHandle stream) override {
    const DeviceGuard guard(device);
    check_not_forked();
    const cudaError_t status = cudaStreamQuery(to_stream(stream));
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      return false;
    }
    check_status(status, "cudaStreamQuery");
    raise_faults(device);
    return true;
  }
  bool is_capturing(int device, CudaStreamHandle stream) override {
    if (captures_underway() == 0) return false;
    const DeviceGuard guard(device);
    return cuda::is_capturing(to_stream(stream));
  }
  void record_stream(const StorageImpl& storage, int device, CudaStreamHandle stream) override {
    cuda::record_stream(storage, to_stream(stream), device);
  }

  std::unique_ptr<CudaEvent> new_event(bool timing, bool blocking, bool external) override {
    return std::make_unique<Event>(timing, blocking, external);
  }
  std::unique_ptr<CudaGraph> new_graph() override { return std::make_unique<Graph>(); }
  CudaPoolId new_pool_id() override {
    const PoolId id = cuda::new_pool_id();
    return {id.owner, id.number};
  }

  // ---- memory
  void empty_cache() override { cuda::empty_cache(); }
  std::vector<CudaStat> memory_stats(int device) override;
  void reset_peak_memory_stats(int device) override { cuda::reset_peak_memory_stats(device); }
  void reset_accumulated_memory_stats(int device) override { cuda::reset_accumulated_memory_stats(device); }
  std::vector<CudaSegment> memory_snapshot() override;
  void set_memory_fraction(int device, double fraction) override {
    cuda::set_memory_fraction(device, fraction);
  }
  double memory_fraction(int device) override { return cuda::memory_fraction(device); }
  uintptr_t allocate_raw(size_t bytes, int device, CudaStreamHandle stream) override;
  void free_raw(uintptr_t address) override;

  // ---- page-locked host memory
  Storage allocate_pinned(size_t bytes) override { return cuda::allocate_pinned(bytes); }
  bool is_pinned(const void* address) override { return cuda::is_pinned(address); }
  void empty_pinned_cache() override { cuda::empty_pinned_cache(); }
  std::vector<CudaStat> pinned_memory_stats() override;

 private:
  std::mutex raw_mutex_;
  std::unordered_map<uintptr_t, Block*> raw_;
};

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check_cuda(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

std::string uuid_text(const cudaDeviceProp& all) {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(all.uuid.bytes[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

CudaDeviceInfo Backend::properties(int device) {
  check_not_forked();
  check_device(device);
  cudaDeviceProp all;
  check_cuda(cudaGetDeviceProperties(&all, device));
  const DeviceProperties& known = cuda::properties(device);
  CudaDeviceInfo info;
  info.name = known.name;
  info.uuid = uuid_text(all);
  info.major = known.major;
  info.minor = known.minor;
  info.multiprocessors = known.multiprocessors;
  info.warp_size = all.warpSize;
  info.max_threads_per_multiprocessor = known.max_threads_per_multiprocessor;
  info.max_threads_per_block = all.maxThreadsPerBlock;
  info.registers_per_multiprocessor = all.regsPerMultiprocessor;
  info.integrated = all.integrated;
  info.multi_gpu_board = all.isMultiGpuBoard;
  info.pci_domain = all.pciDomainID;
  info.pci_bus = all.pciBusID;
  info.pci_device = all.pciDeviceID;
  info.clock_khz = attribute(cudaDevAttrClockRate, device);
  info.memory_clock_khz = attribute(cudaDevAttrMemoryClockRate, device);
  info.memory_bus_bits = all.memoryBusWidth;
  info.total_memory = known.total_memory;
  info.l2_bytes = known.l2_bytes;
  info.shared_memory_per_block = known.shared_memory_per_block;
  info.shared_memory_per_block_optin = known.shared_memory_per_block_optin;
  info.shared_memory_per_multiprocessor = all.sharedMemPerMultiprocessor;
  return info;
}

CudaVersions Backend::versions() {
  CudaVersions v;
  check_cuda(cudaDriverGetVersion(&v.driver));
  check_cuda(cudaRuntimeGetVersion(&v.runtime));
  return v;
}

std::vector<CudaStat> Backend::memory_stats(int device) {
  const DeviceMemoryStats s = device_memory_stats(device);
  std::vector<CudaStat> list;
  constexpr const char* pools[] = {"all", "small_pool", "large_pool"};
  for (int stat = 0; stat < static_cast<int>(Stat::Count); ++stat)
    for (int pool = 0; pool < 3; ++pool) {
      const StatValue& v = s.values[stat][pool];
      const std::string name = std::string(stat_name(static_cast<Stat>(stat))) + "." + pools[pool] + ".";
      list.push_back({name + "current", v.current});
      list.push_back({name + "peak", v.peak});
      list.push_back({name + "allocated", v.allocated});
      list.push_back({name + "freed", v.freed});
    }
  list.push_back({"num_alloc_retries", s.retries});
  list.push_back({"num_ooms", s.ooms});
  list.push_back({"num_device_alloc", s.device_allocations});
  list.push_back({"num_device_free", s.device_frees});
  return list;
}

std::vector<CudaSegment> Backend::memory_snapshot() {
  std::vector<CudaSegment> segments;
  for (SegmentInfo& from : cuda::memory_snapshot()) {
    CudaSegment& to = segments.emplace_back();
    to.address = from.address;
    to.size = from.size;
    to.device = from.device;
    to.stream = from.stream;
    to.small = from.small;
    to.pool = {from.pool.owner, from.pool.number};
    for (BlockInfo& block : from.blocks) {
      constexpr const char* states[] = {"active_allocated", "active_pending_free", "inactive"};
      to.blocks.push_back({block.address, block.size, block.requested, states[static_cast<int>(block.state)],
                           std::move(block.op), std::move(block.line), std::move(block.shape)});
    }
  }
  return segments;
}

uintptr_t Backend::allocate_raw(size_t bytes, int device, CudaStreamHandle stream) {
  check_device(device);
  Block* block = allocate_block(bytes, device, to_stream(stream));
  if (!block) return 0;
  const auto address = reinterpret_cast<uintptr_t>(block_data(block));
  std::lock_guard lock(raw_mutex_);
  raw_.emplace(address, block);
  return address;
}

void Backend::free_raw(uintptr_t address) {
  if (!address) return;
  Block* block = nullptr;
  {
    std::lock_guard lock(raw_mutex_);
    const auto found = raw_.find(address);
    check<ValueError>(found != raw_.end(),
                      "caching_allocator_delete: {} is no address that caching_allocator_alloc gave",
                      static_cast<unsigned long>(address));
    block = found->second;
    raw_.erase(found);
  }
  free_block(block);
}

std::vector<CudaStat> Backend::pinned_memory_stats() {
  const PinnedStats s = pinned_stats();
  return {{"allocated_bytes.current", s.live_bytes},
          {"allocated_bytes.peak", s.peak_bytes},
          {"cached_bytes", s.cached_bytes},
          {"num_alloc", s.allocations},
          {"num_host_alloc", s.host_allocations}};
}

std::string version_text(int version) { return message("{}.{}", version / 1000, version % 1000 / 10); }

// Why there is nothing to work with, and what to do; empty where all is well.
std::string obstacle() {
  if (forked()) return "the process was forked from one that used CUDA; use the 'spawn' start method";
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    cudaGetLastError();
    return "there is no NVIDIA driver on this machine; install one, and check with nvidia-smi";
  }
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return {};
  cudaGetLastError();
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (status == cudaErrorInsufficientDriver)
    return message(
        "the NVIDIA driver is too old: it is for CUDA {}, this build of plait is for CUDA {}; install a "
        "newer driver",
        version_text(driver), version_text(kVersionNeeded));
  if (status == cudaSuccess || status == cudaErrorNoDevice)
    return visible ? message("the NVIDIA driver shows no GPU; CUDA_VISIBLE_DEVICES is '{}'", visible)
                   : std::string("the NVIDIA driver finds no GPU; check with nvidia-smi");
  return message(
      "the NVIDIA driver failed with {} ({}); check with nvidia-smi, and restart the machine or the "
      "container",
      cudaGetErrorName(status), cudaGetErrorString(status));
}

}  // namespace
}  // namespace plait::cuda

// Null and a reason where the machine has no device. Called once, when a CUDA device is first asked for.
extern "C" PLAIT_API plait::DeviceBackend* plait_cuda_attach(std::string& reason) {
  reason = plait::cuda::obstacle();
  if (!reason.empty()) return nullptr;
  plait::cuda::watch_forks();
  static auto* backend = new plait::cuda::Backend;  // storages outlast everything
  return backend;
}
