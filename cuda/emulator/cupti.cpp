// CUPTI's Activity API over the emulated runtime, with libcupti's names: records of kernels, copies and fills
// when they have run, of the calls that queued them, and of the external ids that these were made within.
//
// What NVIDIA's library leaves to the caller is refused here, and says why: kinds enabled twice, without a
// subscriber or before there are callbacks for buffers; buffers that are too small or not aligned; records
// read from what is no buffer that was given back.
//
// PLAIT_CUPTI_EMULATOR_RECORDS=<n>: no more than so many records in a buffer.
#include <cupti.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "activity.h"
#include "memory.h"

struct CUpti_Subscriber_st {};

using namespace emulator;

namespace {

constexpr size_t kAlignment = 8;
constexpr size_t kLeastBuffer = 1024;
constexpr uint16_t kRegisters = 32;  // as cudaFuncGetAttributes has it

using Record = std::vector<char>;

template <class T>
Record record_of(const T& value) {
  static_assert(sizeof(T) % kAlignment == 0);
  const auto* bytes = reinterpret_cast<const char*>(&value);
  return {bytes, bytes + sizeof(T)};
}

size_t size_of(CUpti_ActivityKind kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_KIND_MEMCPY: return sizeof(CUpti_ActivityMemcpy6);
    case CUPTI_ACTIVITY_KIND_MEMCPY2: return sizeof(CUpti_ActivityMemcpyPtoP4);
    case CUPTI_ACTIVITY_KIND_MEMSET: return sizeof(CUpti_ActivityMemset4);
    case CUPTI_ACTIVITY_KIND_DRIVER:
    case CUPTI_ACTIVITY_KIND_RUNTIME: return sizeof(CUpti_ActivityAPI);
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: return sizeof(CUpti_ActivityKernel10);
    case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION: return sizeof(CUpti_ActivityExternalCorrelation);
    case CUPTI_ACTIVITY_KIND_INVALID: break;
  }
  return 0;
}

thread_local std::vector<uint64_t> t_external;

class State final : public Tracer {
 public:
  std::recursive_mutex mutex;
  CUpti_Subscriber_st subscriber;
  bool subscribed = false;
  CUpti_BuffersCallbackRequestFunc requested = nullptr;
  CUpti_BuffersCallbackCompleteFunc completed = nullptr;
  std::set<CUpti_ActivityKind> enabled;
  std::set<const uint8_t*> given_back;
  size_t dropped = 0;

  uint32_t call() noexcept override {
    const std::lock_guard lock(mutex);
    const uint32_t number = ++calls_;
    const bool wanted =
        enabled.count(CUPTI_ACTIVITY_KIND_RUNTIME) || enabled.count(CUPTI_ACTIVITY_KIND_DRIVER);
    if (!wanted) return number;
    if (enabled.count(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION) && !t_external.empty()) {
      CUpti_ActivityExternalCorrelation tie{};
      tie.kind = CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION;
      tie.externalKind = CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0;
      tie.externalId = t_external.back();
      tie.correlationId = number;
      records_.push_back(record_of(tie));
    }
    CUpti_ActivityAPI api{};
    api.kind = CUPTI_ACTIVITY_KIND_RUNTIME;
    api.start = api.end = uint64_t(activity_clock());
    api.processId = uint32_t(getpid());
    api.threadId = uint32_t(gettid());
    api.correlationId = number;
    records_.push_back(record_of(api));
    return number;
  }
  void queued(const std::shared_ptr<Activity>& activity) noexcept override {
    const std::lock_guard lock(mutex);
    if (enabled.count(kind_of(*activity))) running_.insert(activity);
  }
  void done(const std::shared_ptr<Activity>& activity) noexcept override {
    const std::lock_guard lock(mutex);
    if (running_.erase(activity)) records_.push_back(describe(*activity));
  }

  // All that is complete; with `forced` the rest, too, which has no times.
  CUptiResult flush(bool forced) {
    const std::lock_guard lock(mutex);
    if (!requested || !completed) return CUPTI_ERROR_INVALID_OPERATION;
    if (forced) {
      for (const auto& activity : running_) records_.push_back(describe(*activity));
      running_.clear();
    }
    while (!records_.empty())
      if (!fill_buffer()) break;
    return CUPTI_SUCCESS;
  }

 private:
  static bool is_between_devices(const Activity& activity) {
    const WorkNote& note = activity.note;
    return note.from == Place::Device && note.to == Place::Device && note.from_device != note.to_device;
  }
  static CUpti_ActivityKind kind_of(const Activity& activity) {
    switch (activity.note.kind) {
      case WorkKind::Copy:
        return is_between_devices(activity) ? CUPTI_ACTIVITY_KIND_MEMCPY2 : CUPTI_ACTIVITY_KIND_MEMCPY;
      case WorkKind::Fill: return CUPTI_ACTIVITY_KIND_MEMSET;
      default: return CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
    }
  }
  static uint8_t memory_kind(int place) {
    return place == Place::Device   ? CUPTI_ACTIVITY_MEMORY_KIND_DEVICE
           : place == Place::Pinned ? CUPTI_ACTIVITY_MEMORY_KIND_PINNED
                                    : CUPTI_ACTIVITY_MEMORY_KIND_PAGEABLE;
  }
  static uint8_t copy_kind(const WorkNote& note) {
    const bool from = note.from == Place::Device, to = note.to == Place::Device;
    if (from && to) return CUPTI_ACTIVITY_MEMCPY_KIND_DTOD;
    if (from) return CUPTI_ACTIVITY_MEMCPY_KIND_DTOH;
    return to ? CUPTI_ACTIVITY_MEMCPY_KIND_HTOD : CUPTI_ACTIVITY_MEMCPY_KIND_HTOH;
  }

  // What all records of the device's work have.
  template <class T>
  static T common(const Activity& activity) {
    T record{};
    record.kind = kind_of(activity);
    record.start = uint64_t(activity.start);
    record.end = uint64_t(activity.end);
    record.deviceId = uint32_t(activity.device);
    record.contextId = uint32_t(activity.device) + 1;
    record.streamId = uint32_t(activity.stream);
    record.correlationId = activity.correlation;
    record.graphId = activity.graph;
    record.graphNodeId = activity.graph_node;
    return record;
  }
  Record describe(const Activity& activity) {
    const WorkNote& note = activity.note;
    if (note.kind == WorkKind::Fill) {
      auto record = common<CUpti_ActivityMemset4>(activity);
      record.bytes = note.bytes;
      record.memoryKind = memory_kind(note.to);
      return record_of(record);
    }
    if (is_between_devices(activity)) {
      auto record = common<CUpti_ActivityMemcpyPtoP4>(activity);
      record.copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_PTOP;
      record.srcKind = record.dstKind = CUPTI_ACTIVITY_MEMORY_KIND_DEVICE;
      record.srcDeviceId = uint32_t(note.from_device);
      record.dstDeviceId = uint32_t(note.to_device);
      record.bytes = note.bytes;
      return record_of(record);
    }
    if (note.kind == WorkKind::Copy) {
      auto record = common<CUpti_ActivityMemcpy6>(activity);
      record.copyKind = copy_kind(note);
      record.srcKind = memory_kind(note.from);
      record.dstKind = memory_kind(note.to);
      record.bytes = note.bytes;
      return record_of(record);
    }
    auto record = common<CUpti_ActivityKernel10>(activity);
    const char* symbol = symbol_name(note.kernel);
    record.name = symbol ? symbol : keep(note.name ? note.name : "closure");
    record.gridX = int32_t(note.grid.x), record.gridY = int32_t(note.grid.y);
    record.gridZ = int32_t(note.grid.z);
    record.blockX = int32_t(note.block.x), record.blockY = int32_t(note.block.y);
    record.blockZ = int32_t(note.block.z);
    record.dynamicSharedMemory = int32_t(note.shared);
    record.registersPerThread = kRegisters;
    return record_of(record);
  }
  const char* keep(const char* name) { return names_.insert(name).first->c_str(); }

  // One buffer from the caller and back; false where there is none.
  bool fill_buffer() {
    uint8_t* buffer = nullptr;
    size_t size = 0, most = 0;
    requested(&buffer, &size, &most);
    if (!buffer) {
      dropped += records_.size();
      records_.clear();
      return false;
    }
    if (size < kLeastBuffer || reinterpret_cast<uintptr_t>(buffer) % kAlignment != 0) {
      std::fprintf(stderr, "CUPTI emulator: a buffer of %zu bytes that is too small or not aligned\n", size);
      std::abort();
    }
    if (const char* limit = std::getenv("PLAIT_CUPTI_EMULATOR_RECORDS"))
      most = std::strtoull(limit, nullptr, 0);
    size_t valid = 0;
    for (size_t count = 0; !records_.empty() && (most == 0 || count < most); ++count) {
      const Record& next = records_.front();
      if (valid + next.size() > size) break;
      std::memcpy(buffer + valid, next.data(), next.size());
      valid += next.size();
      records_.pop_front();
    }
    given_back.insert(buffer);
    completed(nullptr, 0, buffer, size, valid);
    return true;
  }

  uint32_t calls_ = 0;
  std::deque<Record> records_;
  std::set<std::shared_ptr<Activity>> running_;
  std::set<std::string> names_;
};

State& state() {
  static State& it = *new State;
  return it;
}

CUptiResult complain(CUptiResult status, const char* what) {
  std::fprintf(stderr, "CUPTI emulator: %s\n", what);
  return status;
}
CUptiResult ordered(const char* name) { return CUptiResult(int(ordered_failure(name))); }

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// For tests: whether anything is under way, a subscriber or kinds that are enabled.
int plait_emulator_cupti_active(void) {
  const std::lock_guard lock(state().mutex);
  return state().subscribed || !state().enabled.empty();
}
// Somebody else subscribes (1), or does not any more (0).
void plait_emulator_cupti_occupy(int occupied) {
  const std::lock_guard lock(state().mutex);
  state().subscribed = occupied != 0;
}

CUptiResult cuptiGetVersion(uint32_t* version) {
  if (!version) return CUPTI_ERROR_INVALID_PARAMETER;
  *version = CUPTI_API_VERSION;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiGetResultString(CUptiResult result, const char** text) {
  if (!text) return CUPTI_ERROR_INVALID_PARAMETER;
  switch (result) {
#define NAMED(name) \
  case name: *text = #name; return CUPTI_SUCCESS;
    NAMED(CUPTI_SUCCESS)
    NAMED(CUPTI_ERROR_INVALID_PARAMETER)
    NAMED(CUPTI_ERROR_INVALID_OPERATION)
    NAMED(CUPTI_ERROR_MAX_LIMIT_REACHED)
    NAMED(CUPTI_ERROR_NOT_COMPATIBLE)
    NAMED(CUPTI_ERROR_NOT_INITIALIZED)
    NAMED(CUPTI_ERROR_QUEUE_EMPTY)
    NAMED(CUPTI_ERROR_INVALID_KIND)
    NAMED(CUPTI_ERROR_INSUFFICIENT_PRIVILEGES)
    NAMED(CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED)
    NAMED(CUPTI_ERROR_UNKNOWN)
#undef NAMED
  }
  return CUPTI_ERROR_INVALID_PARAMETER;
}

CUptiResult cuptiGetTimestamp(uint64_t* timestamp) {
  if (!timestamp) return CUPTI_ERROR_INVALID_PARAMETER;
  if (const CUptiResult status = ordered("cuptiGetTimestamp"); status != CUPTI_SUCCESS) return status;
  *timestamp = uint64_t(activity_clock());
  return CUPTI_SUCCESS;
}

CUptiResult cuptiSubscribe(CUpti_SubscriberHandle* subscriber, CUpti_CallbackFunc, void*) {
  if (!subscriber) return CUPTI_ERROR_INVALID_PARAMETER;
  if (const CUptiResult status = ordered("cuptiSubscribe"); status != CUPTI_SUCCESS) return status;
  const std::lock_guard lock(state().mutex);
  if (state().subscribed) return CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
  state().subscribed = true;
  *subscriber = &state().subscriber;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiUnsubscribe(CUpti_SubscriberHandle subscriber) {
  const std::lock_guard lock(state().mutex);
  if (subscriber != &state().subscriber || !state().subscribed) return CUPTI_ERROR_INVALID_PARAMETER;
  if (!state().enabled.empty())
    return complain(CUPTI_ERROR_INVALID_OPERATION, "kinds are still enabled when the subscriber leaves");
  state().subscribed = false;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc requested,
                                           CUpti_BuffersCallbackCompleteFunc completed) {
  if (!requested || !completed) return CUPTI_ERROR_INVALID_PARAMETER;
  if (const CUptiResult status = ordered("cuptiActivityRegisterCallbacks"); status != CUPTI_SUCCESS)
    return status;
  const std::lock_guard lock(state().mutex);
  state().requested = requested;
  state().completed = completed;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind) {
  if (const CUptiResult status = ordered("cuptiActivityEnable"); status != CUPTI_SUCCESS) return status;
  if (size_of(kind) == 0) return CUPTI_ERROR_INVALID_KIND;
  {
    const std::lock_guard lock(state().mutex);
    if (!state().subscribed)
      return complain(CUPTI_ERROR_NOT_COMPATIBLE, "a kind is enabled by no subscriber");
    if (!state().requested)
      return complain(CUPTI_ERROR_NOT_COMPATIBLE, "a kind is enabled before there are buffers for it");
    if (!state().enabled.insert(kind).second)
      return complain(CUPTI_ERROR_NOT_COMPATIBLE, "a kind is enabled twice");
  }
  set_tracer(&state());  // without the lock: the runtime has its own, and takes this one within it
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityDisable(CUpti_ActivityKind kind) {
  if (const CUptiResult status = ordered("cuptiActivityDisable"); status != CUPTI_SUCCESS) return status;
  const std::lock_guard lock(state().mutex);
  if (!state().enabled.erase(kind))
    return complain(CUPTI_ERROR_INVALID_KIND, "a kind is disabled that is not enabled");
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityFlushAll(uint32_t flag) {
  if (const CUptiResult status = ordered("cuptiActivityFlushAll"); status != CUPTI_SUCCESS) return status;
  if (flag > CUPTI_ACTIVITY_FLAG_FLUSH_FORCED) return CUPTI_ERROR_INVALID_PARAMETER;
  return state().flush(flag == CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
}

CUptiResult cuptiActivityGetNextRecord(uint8_t* buffer, size_t valid, CUpti_Activity** record) {
  if (!buffer || !record) return CUPTI_ERROR_INVALID_PARAMETER;
  if (const CUptiResult status = ordered("cuptiActivityGetNextRecord"); status != CUPTI_SUCCESS)
    return status;
  const std::lock_guard lock(state().mutex);
  if (!state().given_back.count(buffer))
    return complain(CUPTI_ERROR_INVALID_PARAMETER, "a buffer is read that was not given back");
  auto* at = reinterpret_cast<uint8_t*>(*record);
  at = at ? at + size_of((*record)->kind) : buffer;
  if (at >= buffer + valid) return CUPTI_ERROR_MAX_LIMIT_REACHED;
  auto* next = reinterpret_cast<CUpti_Activity*>(at);
  if (size_of(next->kind) == 0) return CUPTI_ERROR_INVALID_KIND;
  *record = next;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityGetNumDroppedRecords(CUcontext, uint32_t, size_t* dropped) {
  if (!dropped) return CUPTI_ERROR_INVALID_PARAMETER;
  const std::lock_guard lock(state().mutex);
  *dropped = state().dropped;
  state().dropped = 0;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityPushExternalCorrelationId(CUpti_ExternalCorrelationKind kind, uint64_t id) {
  if (kind != CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0) return CUPTI_ERROR_INVALID_PARAMETER;
  t_external.push_back(id);
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityPopExternalCorrelationId(CUpti_ExternalCorrelationKind kind, uint64_t* last) {
  if (kind != CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0) return CUPTI_ERROR_INVALID_PARAMETER;
  if (t_external.empty()) return CUPTI_ERROR_QUEUE_EMPTY;
  if (last) *last = t_external.back();
  t_external.pop_back();
  return CUPTI_SUCCESS;
}

}  // extern "C"
#pragma GCC visibility pop
