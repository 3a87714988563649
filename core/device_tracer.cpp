#include "core/device_tracer.h"

#include <atomic>

namespace plait {
namespace {

std::atomic<DeviceTracer*> g_tracer{nullptr};
std::atomic<const Recording*> g_traced{nullptr};  // the recording of the trace that is under way
std::atomic<bool> g_begun{false};                 // g_traced is for others to see

}  // namespace

void set_device_tracer(DeviceTracer* tracer) { g_tracer.store(tracer, std::memory_order_release); }

DeviceTracer* device_tracer_of(const Recording& recording) noexcept {
  if (g_traced.load(std::memory_order_relaxed) != &recording) return nullptr;
  return g_begun.load(std::memory_order_acquire) ? g_tracer.load(std::memory_order_relaxed) : nullptr;
}

std::string begin_device_trace(const Recording& recording) {
  DeviceTracer* tracer = g_tracer.load(std::memory_order_acquire);
  if (!tracer) return "this build of plait knows no CUPTI, whose headers were not found when it was built";
  const Recording* none = nullptr;
  if (!g_traced.compare_exchange_strong(none, &recording))
    return "another thread's profile traces the devices, and a process has one trace at a time";
  std::string reason = tracer->begin();
  if (reason.empty())
    g_begun.store(true, std::memory_order_release);
  else
    g_traced.store(nullptr);
  return reason;
}

DeviceTrace end_device_trace(const Recording& recording) {
  DeviceTracer* tracer = device_tracer_of(recording);
  if (!tracer) return {};
  g_begun.store(false);
  const struct Free {
    ~Free() { g_traced.store(nullptr); }
  } for_the_next;
  return tracer->end();
}

void abandon_device_trace(const Recording& recording) noexcept {
  DeviceTracer* tracer = device_tracer_of(recording);
  if (!tracer) return;
  g_begun.store(false);
  tracer->abandon();
  g_traced.store(nullptr);
}

}  // namespace plait
