// The tracer of the profiler (core/device_tracer.h) by CUPTI's Activity API, which is loaded when a profile
// of devices first begins.
//
// CUPTI writes records of what devices did and of the calls that gave it to them. A call's record is preceded
// by one with the id that its thread pushed last, the event of the profile; kernels, copies and fills have
// the number of their call, all of a replayed graph that of the launch. Buffers are kept as they come, and
// read at the end.
#include <cupti.h>
#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/backend.h"
#include "core/device_tracer.h"
#include "core/error.h"
#include "core/library.h"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/device.h"
#include "cuda/runtime/libraries.h"

namespace plait::cuda {
namespace {

#ifdef PLAIT_CUDA_EMULATED
constexpr const char* kLibrary = "libplait_cupti_emulated.so";
#else
constexpr const char* kLibrary = "libcupti.so.13";  // CUDA 13's
#endif
constexpr size_t kBufferBytes = 4 << 20;  // some 20,000 kernels
constexpr size_t kAlignment = 8;          // of records
constexpr auto kExternal = CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0;
// Without records of calls there are none that tie them to events.
constexpr std::array kKinds = {CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION,
                               CUPTI_ACTIVITY_KIND_RUNTIME,
                               CUPTI_ACTIVITY_KIND_DRIVER,
                               CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                               CUPTI_ACTIVITY_KIND_MEMCPY,
                               CUPTI_ACTIVITY_KIND_MEMCPY2,
                               CUPTI_ACTIVITY_KIND_MEMSET};

// CUPTI's functions, by name from the loaded library.
struct Functions {
  decltype(&cuptiGetVersion) version;
  decltype(&cuptiGetResultString) result_string;
  decltype(&cuptiGetTimestamp) timestamp;
  decltype(&cuptiSubscribe) subscribe;
  decltype(&cuptiUnsubscribe) unsubscribe;
  decltype(&cuptiActivityRegisterCallbacks) register_callbacks;
  decltype(&cuptiActivityEnable) enable;
  decltype(&cuptiActivityDisable) disable;
  decltype(&cuptiActivityFlushAll) flush_all;
  decltype(&cuptiActivityGetNextRecord) next_record;
  decltype(&cuptiActivityGetNumDroppedRecords) dropped;
  decltype(&cuptiActivityPushExternalCorrelationId) push;
  decltype(&cuptiActivityPopExternalCorrelationId) pop;

  bool load(void* library) {
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    return find(version, "cuptiGetVersion") && find(result_string, "cuptiGetResultString") &&
           find(timestamp, "cuptiGetTimestamp") && find(subscribe, "cuptiSubscribe") &&
           find(unsubscribe, "cuptiUnsubscribe") &&
           find(register_callbacks, "cuptiActivityRegisterCallbacks") &&
           find(enable, "cuptiActivityEnable") && find(disable, "cuptiActivityDisable") &&
           find(flush_all, "cuptiActivityFlushAll") && find(next_record, "cuptiActivityGetNextRecord") &&
           find(dropped, "cuptiActivityGetNumDroppedRecords") &&
           find(push, "cuptiActivityPushExternalCorrelationId") &&
           find(pop, "cuptiActivityPopExternalCorrelationId");
  }
};

// In NVIDIA's package nvidia-cuda-cupti, or in the toolkit, where it is not beside the other libraries.
void* find_library() {
  if (void* library = load_library(kLibrary)) return library;
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH", ""}) {
    const char* set = *variable ? std::getenv(variable) : "/usr/local/cuda";
    if (!set) continue;
    for (const char* folder : {"/extras/CUPTI/lib64/", "/lib64/", "/lib/"})
      if (void* library = load_library(std::string(set) + folder + kLibrary)) return library;
  }
  return nullptr;
}

const Functions* functions() {
  static const Functions* const loaded = []() -> const Functions* {
    void* library = find_library();
    auto table = std::make_unique<Functions>();
    return library && table->load(library) ? table.release() : nullptr;
  }();
  return loaded;
}

std::string failure(const char* call, CUptiResult status) {
  const char* name = nullptr;
  if (functions()->result_string(status, &name) != CUPTI_SUCCESS || !name) name = "an unknown status";
  std::string text = message("{} failed: {} ({})", call, name, static_cast<int>(status));
  if (status == CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED)
    text += "; another profiler (Nsight, or PyTorch's) traces this process";
  if (status == CUPTI_ERROR_INSUFFICIENT_PRIVILEGES)
    text += "; the driver lets only administrators profile (NVreg_RestrictProfilingToAdminUsers)";
  return text;
}

// ---- buffers: asked for and given back by CUPTI's own threads, too

struct Buffer {
  std::unique_ptr<uint8_t, decltype(&std::free)> data{nullptr, &std::free};
  size_t valid = 0;
};
struct Buffers {
  std::mutex mutex;
  std::vector<Buffer> complete;
  bool wanted = false;  // else what comes is of a trace that was given up
};
Buffers& buffers() {
  static auto* all = new Buffers;  // outlives whatever runs at exit
  return *all;
}

void CUPTIAPI give_buffer(uint8_t** buffer, size_t* size, size_t* most_records) {
  *buffer = static_cast<uint8_t*>(std::aligned_alloc(kAlignment, kBufferBytes));
  *size = *buffer ? kBufferBytes : 0;  // without one CUPTI counts what it drops
  *most_records = 0;                   // as many as it holds
}

void CUPTIAPI take_buffer(CUcontext, uint32_t, uint8_t* data, size_t, size_t valid) {
  Buffer buffer;
  buffer.data.reset(data);
  buffer.valid = valid;
  try {
    const std::lock_guard lock(buffers().mutex);
    if (valid && buffers().wanted) buffers().complete.push_back(std::move(buffer));
  } catch (const std::bad_alloc&) {  // its records are lost
  }
}

void CUPTIAPI ignore(void*, CUpti_CallbackDomain, CUpti_CallbackId, const void*) {}

// ---- clocks

// The steady clock at a time of CUPTI's.
struct ClockPair {
  int64_t steady = 0;
  uint64_t cupti = 0;
};

int64_t steady_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The closest of some readings: one that is interrupted is off by as much.
CUptiResult read_clocks(ClockPair& pair) {
  int64_t closest = INT64_MAX;
  for (int i = 0; i < 5; ++i) {
    uint64_t cupti = 0;
    const int64_t before = steady_now();
    if (const CUptiResult status = functions()->timestamp(&cupti); status != CUPTI_SUCCESS) return status;
    const int64_t took = steady_now() - before;
    if (took < closest) closest = took, pair = {before + took / 2, cupti};
  }
  return CUPTI_SUCCESS;
}

// The line through two pairs: neither clock need run at the other's rate.
struct ClockMap {
  ClockPair first, last;

  int64_t steady(uint64_t cupti) const {
    const auto since = static_cast<double>(static_cast<int64_t>(cupti - first.cupti));
    const auto span = static_cast<double>(static_cast<int64_t>(last.cupti - first.cupti));
    const double rate = span > 0 ? static_cast<double>(last.steady - first.steady) / span : 1.0;
    return first.steady + static_cast<int64_t>(since * rate);
  }
};

// ---- records

const char* copy_name(uint8_t kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOD: return "HtoD";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOH: return "DtoH";
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOA: return "HtoA";
    case CUPTI_ACTIVITY_MEMCPY_KIND_ATOH: return "AtoH";
    case CUPTI_ACTIVITY_MEMCPY_KIND_ATOA: return "AtoA";
    case CUPTI_ACTIVITY_MEMCPY_KIND_ATOD: return "AtoD";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOA: return "DtoA";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOD: return "DtoD";
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOH: return "HtoH";
    case CUPTI_ACTIVITY_MEMCPY_KIND_PTOP: return "PtoP";
    default: return "Unknown";
  }
}

const char* memory_name(unsigned kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMORY_KIND_PAGEABLE: return "Pageable";
    case CUPTI_ACTIVITY_MEMORY_KIND_PINNED: return "Pinned";
    case CUPTI_ACTIVITY_MEMORY_KIND_DEVICE: return "Device";
    case CUPTI_ACTIVITY_MEMORY_KIND_ARRAY: return "Array";
    case CUPTI_ACTIVITY_MEMORY_KIND_MANAGED: return "Managed";
    case CUPTI_ACTIVITY_MEMORY_KIND_DEVICE_STATIC: return "Device Static";
    case CUPTI_ACTIVITY_MEMORY_KIND_MANAGED_STATIC: return "Managed Static";
    default: return "Unknown";
  }
}

std::string demangled(const char* name) {
  if (!name) return "(a kernel without a name)";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 && text ? text.get() : name;
}

// Records become activities; what ties them to events comes in any order.
class Reader {
 public:
  Reader(const ClockMap& clocks, uint64_t begin) : clocks_(clocks), begin_(begin) {}

  // CUPTI_SUCCESS where the buffer was read to its end.
  CUptiResult read(const Buffer& buffer) {
    CUpti_Activity* record = nullptr;
    for (;;) {
      const CUptiResult status = functions()->next_record(buffer.data.get(), buffer.valid, &record);
      if (status == CUPTI_ERROR_MAX_LIMIT_REACHED) return CUPTI_SUCCESS;
      if (status != CUPTI_SUCCESS) return status;
      take(record);
    }
  }
  std::vector<DeviceActivity> activities() {
    for (DeviceActivity& activity : activities_)
      if (const auto known = events_.find(activity.correlation); known != events_.end())
        activity.event = known->second;
    std::stable_sort(activities_.begin(), activities_.end(),
                     [](const DeviceActivity& a, const DeviceActivity& b) { return a.start < b.start; });
    return std::move(activities_);
  }
  size_t untimed() const { return untimed_; }

 private:
  void take(const CUpti_Activity* record) {
    switch (record->kind) {
      case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION: {
        const auto* tie = reinterpret_cast<const CUpti_ActivityExternalCorrelation*>(record);
        const uint64_t correlation = tie->correlationId;
        if (tie->externalKind == kExternal) events_[correlation] = tie->externalId;
        break;
      }
      case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: {
        const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel10*>(record);
        DeviceActivity* activity = add(*kernel, DeviceActivity::Kind::Kernel);
        if (!activity) break;
        activity->name = name_of(kernel->name);
        const int64_t grid[3] = {kernel->gridX, kernel->gridY, kernel->gridZ},
                      block[3] = {kernel->blockX, kernel->blockY, kernel->blockZ};
        std::copy_n(grid, 3, activity->grid);
        std::copy_n(block, 3, activity->block);
        activity->registers = kernel->registersPerThread;
        activity->static_shared = kernel->staticSharedMemory;
        activity->dynamic_shared = kernel->dynamicSharedMemory;
        break;
      }
      case CUPTI_ACTIVITY_KIND_MEMCPY: copy(*reinterpret_cast<const CUpti_ActivityMemcpy6*>(record)); break;
      case CUPTI_ACTIVITY_KIND_MEMCPY2:
        copy(*reinterpret_cast<const CUpti_ActivityMemcpyPtoP4*>(record));
        break;
      case CUPTI_ACTIVITY_KIND_MEMSET: {
        const auto* fill = reinterpret_cast<const CUpti_ActivityMemset4*>(record);
        DeviceActivity* activity = add(*fill, DeviceActivity::Kind::Fill);
        if (!activity) break;
        activity->name = message("Memset ({})", memory_name(fill->memoryKind));
        activity->bytes = static_cast<int64_t>(fill->bytes);
        break;
      }
      default: break;  // records of calls, which only carry the ties
    }
  }
  template <class Record>
  void copy(const Record& record) {
    DeviceActivity* activity = add(record, DeviceActivity::Kind::Copy);
    if (!activity) return;
    activity->name = message("Memcpy {} ({} -> {})", copy_name(record.copyKind), memory_name(record.srcKind),
                             memory_name(record.dstKind));
    activity->bytes = static_cast<int64_t>(record.bytes);
  }
  // Null for what has no times, and for what an earlier trace has left.
  template <class Record>
  DeviceActivity* add(const Record& record, DeviceActivity::Kind kind) {
    if (record.start == 0 || record.end == 0) {
      ++untimed_;
      return nullptr;
    }
    if (record.end < begin_) return nullptr;
    DeviceActivity& activity = activities_.emplace_back();
    activity.kind = kind;
    activity.device = static_cast<int>(record.deviceId);
    activity.stream = record.streamId;
    activity.start = clocks_.steady(record.start);
    activity.end = std::max(activity.start, clocks_.steady(record.end));
    activity.correlation = record.correlationId;
    activity.graph = record.graphId;
    return &activity;
  }
  // Few kernels, many launches.
  const std::string& name_of(const char* name) {
    const auto [at, added] = names_.try_emplace(name);
    if (added) at->second = demangled(name);
    return at->second;
  }

  const ClockMap clocks_;
  const uint64_t begin_;
  std::vector<DeviceActivity> activities_;
  std::unordered_map<uint64_t, uint64_t> events_;  // by correlation
  std::unordered_map<const char*, std::string> names_;
  size_t untimed_ = 0;
};

// ---- the tracer

class Cupti final : public DeviceTracer {
 public:
  std::string begin() override {
    if (forked()) return "this process is a child of one that used CUDA";
    const Functions* f = functions();
    if (!f)
      return message("{} was not found in a CUDA toolkit or a Python package (pip install nvidia-cuda-cupti)",
                     kLibrary);
    {
      const std::lock_guard lock(buffers().mutex);
      buffers().complete.clear();
      buffers().wanted = true;
    }
    // There is one subscriber: whoever is it already traces for himself, and his records must stay his.
    if (const CUptiResult status = f->subscribe(&subscriber_, &ignore, nullptr); status != CUPTI_SUCCESS)
      return failure("cuptiSubscribe", status);
    const char* call = "cuptiActivityRegisterCallbacks";
    CUptiResult status = f->register_callbacks(&give_buffer, &take_buffer);
    if (status == CUPTI_SUCCESS) call = "cuptiGetTimestamp", status = read_clocks(clocks_.first);
    for (const CUpti_ActivityKind kind : kKinds) {
      if (status != CUPTI_SUCCESS) break;
      call = "cuptiActivityEnable";
      status = f->enable(kind);
      if (status == CUPTI_SUCCESS) ++enabled_;
    }
    if (status == CUPTI_SUCCESS) return {};
    abandon();
    return failure(call, status);
  }
  // A child of the process goes on recording, but CUPTI's locks may be held by threads that it has not.
  void enter(uint64_t event) noexcept override {
    if (!forked()) functions()->push(kExternal, event);
  }
  void leave() noexcept override {
    if (!forked()) functions()->pop(kExternal, nullptr);
  }

  DeviceTrace end() override {
    if (forked()) return {{}, "this process is a child of one that used CUDA"};
    DeviceTrace trace;
    const auto complain = [&](std::string text) {
      if (trace.complaint.empty()) trace.complaint = std::move(text);
    };
    if (captures_underway() != 0)
      complain(
          "a graph is being captured, and devices cannot be waited for: what they had not done is missing");
    else if (const std::string reason = wait_for_devices(); !reason.empty())
      complain(reason);
    const Functions& f = *functions();
    if (const CUptiResult status = f.flush_all(0); status != CUPTI_SUCCESS)
      complain(failure("cuptiActivityFlushAll", status));
    size_t dropped = 0;
    if (const CUptiResult status = f.dropped(nullptr, 0, &dropped); status != CUPTI_SUCCESS)
      complain(failure("cuptiActivityGetNumDroppedRecords", status));
    ClockMap clocks = clocks_;
    if (const CUptiResult status = read_clocks(clocks.last); status != CUPTI_SUCCESS)
      complain(failure("cuptiGetTimestamp", status));
    if (const std::string reason = stop(); !reason.empty()) complain(reason);

    std::vector<Buffer> complete;
    {
      const std::lock_guard lock(buffers().mutex);
      complete.swap(buffers().complete);
      buffers().wanted = false;
    }
    Reader reader(clocks, clocks.first.cupti);
    for (const Buffer& buffer : complete)
      if (const CUptiResult status = reader.read(buffer); status != CUPTI_SUCCESS)
        complain(failure("cuptiActivityGetNextRecord", status));
    trace.activities = reader.activities();
    if (dropped + reader.untimed() != 0)
      complain(message("{} pieces of the devices' work are missing", dropped + reader.untimed()));
    return trace;
  }
  void abandon() noexcept override {
    if (forked()) return;
    try {
      {
        const std::lock_guard lock(buffers().mutex);
        buffers().wanted = false;
        buffers().complete.clear();
      }
      stop();
    } catch (const std::bad_alloc&) {
    }
  }

 private:
  // Those that were given memory: asking after others would make a context there. Returns what went wrong.
  static std::string wait_for_devices() {
    const DeviceWait waiting;
    std::string reason;
    for (int device = 0; device < device_count(); ++device) {
      if (device_memory_stats(device).device_allocations == 0) continue;
      try {
        const DeviceGuard guard(device);
        check_cuda(cudaDeviceSynchronize());
      } catch (const RuntimeError& error) {  // what other devices did is shown
        reason = error.what();
      }
    }
    return reason;
  }
  // Ends what was begun, as far as it was. All that CUPTI holds comes, complete or not.
  std::string stop() {
    const Functions& f = *functions();
    std::string reason;
    const auto step = [&](CUptiResult status, const char* call) {
      if (status != CUPTI_SUCCESS && reason.empty()) reason = failure(call, status);
    };
    for (; enabled_ > 0; --enabled_) step(f.disable(kKinds[enabled_ - 1]), "cuptiActivityDisable");
    step(f.flush_all(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "cuptiActivityFlushAll");
    if (subscriber_) step(f.unsubscribe(subscriber_), "cuptiUnsubscribe");
    subscriber_ = nullptr;
    return reason;
  }

  CUpti_SubscriberHandle subscriber_ = nullptr;
  size_t enabled_ = 0;  // of kKinds
  ClockMap clocks_;
};

[[maybe_unused]] const bool registered = [] {
  set_device_tracer(new Cupti);
  return register_library("cupti", []() -> int64_t {
    uint32_t version = 0;
    return functions() && functions()->version(&version) == CUPTI_SUCCESS ? version : 0;
  });
}();

}  // namespace
}  // namespace plait::cuda
