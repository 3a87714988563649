// Events: a name for the completion of what a stream held when the event was recorded.
#include <unordered_set>

#include "device.h"
#include "graphs.h"
#include "streams.h"

struct CUevent_st {
  int device;
  unsigned flags;
  emulator::Done recorded;  // null: never

  // Where it was recorded last in a stream that was being captured.
  std::shared_ptr<emulator::Capture> capture;
  std::vector<CUgraphNode_st*> frontier;
};

using namespace emulator;

namespace {

std::unordered_set<cudaEvent_t>& live_events() {
  static auto& events = *new std::unordered_set<cudaEvent_t>;
  return events;
}

bool is_event(cudaEvent_t event) { return live_events().count(event) != 0; }

cudaError_t create_event(cudaEvent_t* event, unsigned flags) {
  if (!event || flags & ~7u) return cudaErrorInvalidValue;
  if (flags & cudaEventInterprocess) return cudaErrorNotSupported;
  *event = new CUevent_st{current_device().index, flags, nullptr, nullptr, {}};
  live_events().insert(*event);
  return cudaSuccess;
}

cudaError_t record_event(Lock& lock, cudaEvent_t event, cudaStream_t handle, unsigned flags) {
  Stream* stream;
  if (!is_event(event)) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t status = find_stream(handle, &stream); status != cudaSuccess) return status;
  if (stream->device != event->device) return cudaErrorInvalidResourceHandle;
  if (flags & ~unsigned(cudaEventRecordExternal)) return cudaErrorInvalidValue;
  if (flags & cudaEventRecordExternal) return stream->capture ? cudaErrorNotSupported : cudaErrorIllegalState;
  if (stream->capture) {
    if (!is_active(*stream->capture)) return cudaErrorStreamCaptureInvalidated;
    event->capture = stream->capture;
    event->frontier = stream->frontier;
    event->recorded = nullptr;
    return cudaSuccess;
  }
  event->capture = nullptr;
  event->frontier.clear();
  return submit(lock, *stream, {WorkKind::Event, nullptr}, &event->recorded);
}

}  // namespace

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return api("cudaEventCreate", Rule::Normal, [&](Lock&) { return create_event(event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  return api("cudaEventCreateWithFlags", Rule::Normal, [&](Lock&) { return create_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api("cudaEventDestroy", Rule::Normal, [&](Lock&) {
    if (!live_events().erase(event)) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api("cudaEventRecord", Rule::Normal,
             [&](Lock& lock) { return record_event(lock, event, stream, cudaEventRecordDefault); });
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned int flags) {
  return api("cudaEventRecordWithFlags", Rule::Normal,
             [&](Lock& lock) { return record_event(lock, event, stream, flags); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api("cudaEventQuery", Rule::Unsafe, [&](Lock& lock) {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return refuse_captured_event(*event->capture);
    make_progress(lock);
    if (device(event->device).failure != cudaSuccess) return device(event->device).failure;
    return event->recorded && !event->recorded->done ? cudaErrorNotReady : cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api("cudaEventSynchronize", Rule::Unsafe, [&](Lock& lock) {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return refuse_captured_event(*event->capture);
    return wait_for(lock, event->recorded);
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api("cudaEventElapsedTime", Rule::Normal, [&](Lock&) {
    if (!milliseconds) return cudaErrorInvalidValue;
    for (cudaEvent_t event : {start, end}) {
      if (!is_event(event)) return cudaErrorInvalidResourceHandle;
      if (event->capture) return refuse_captured_event(*event->capture);
      if (event->flags & cudaEventDisableTiming || !event->recorded) return cudaErrorInvalidResourceHandle;
    }
    if (start->device != end->device) return cudaErrorInvalidResourceHandle;
    if (!start->recorded->done || !end->recorded->done) return cudaErrorNotReady;
    *milliseconds = float(1e3 * (end->recorded->time - start->recorded->time));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int flags) {
  return api("cudaStreamWaitEvent", Rule::Normal, [&](Lock& lock) {
    Stream* stream;
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t status = find_stream(handle, &stream); status != cudaSuccess) return status;
    if (flags & ~unsigned(cudaEventWaitExternal)) return cudaErrorInvalidValue;
    if (flags & cudaEventWaitExternal) return stream->capture ? cudaErrorNotSupported : cudaErrorIllegalState;
    if (event->capture) return join_capture(*stream, event->capture, event->frontier);
    if (!event->recorded) return cudaSuccess;
    if (stream->capture) return refuse_outside_work(*stream);
    if (const cudaError_t status = refuse_legacy(*stream); status != cudaSuccess) return status;
    if (!event->recorded->done) queue_work(lock, *stream, {WorkKind::Event, nullptr}, {event->recorded});
    return cudaSuccess;
  });
}
