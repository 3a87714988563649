#include "cuda/runtime/event.h"

#include "core/backend.h"
#include "core/error.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event_pool.h"
#include "cuda/runtime/fault.h"

namespace plait::cuda {

Event::~Event() {
  if (!event_ || forked()) return;
  if (cudaEventDestroy(event_) != cudaSuccess) cudaGetLastError();  // the process is ending
}

// CUDA refuses the flag outside of captures.
bool Event::is_external(CudaStreamHandle stream) const {
  return external_ && is_capturing(to_stream(stream));
}

void Event::record(int device, CudaStreamHandle stream) {
  check_not_forked();
  check<RuntimeError>(
      !event_ || device == device_,
      "Event.record: the event belongs to cuda:{}, the stream to cuda:{}; use one event a device", device_,
      device);
  const DeviceGuard guard(device);
  if (!event_) {
    const unsigned flags = (timing_ ? 0u : cudaEventDisableTiming) | (blocking_ ? cudaEventBlockingSync : 0u);
    check_cuda(cudaEventCreateWithFlags(&event_, flags));
    device_ = device;
  }
  const unsigned external = is_external(stream) ? cudaEventRecordExternal : cudaEventRecordDefault;
  check_cuda(cudaEventRecordWithFlags(event_, to_stream(stream), external));
}

void Event::wait(int device, CudaStreamHandle stream) {
  if (!event_) return;  // nothing was recorded, so there is nothing to wait for
  const DeviceGuard guard(device);
  const unsigned external = is_external(stream) ? cudaEventWaitExternal : cudaEventWaitDefault;
  check_cuda(cudaStreamWaitEvent(to_stream(stream), event_, external));
}

bool Event::query() {
  if (!event_) return true;
  check_not_forked();
  const cudaError_t status = cudaEventQuery(event_);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();
    return false;
  }
  check_status(status, "cudaEventQuery");
  raise_faults(device_);
  return true;
}

void Event::synchronize() {
  if (!event_) return;
  check_not_forked();
  {
    const DeviceWait waiting;
    check_cuda(cudaEventSynchronize(event_));
  }
  raise_faults(device_);
}

double Event::elapsed_ms(CudaEvent& end) {
  auto& other = static_cast<Event&>(end);
  check<ValueError>(timing_ && other.timing_,
                    "Event.elapsed_time: both events must be made with enable_timing=True");
  check<ValueError>(event_ && other.event_,
                    "Event.elapsed_time: both events must have been recorded; call .record() first");
  check_not_forked();
  float ms = 0;
  const cudaError_t status = cudaEventElapsedTime(&ms, event_, other.event_);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();
    fail<RuntimeError>(
        "Event.elapsed_time: an event has not passed yet; call .synchronize() on the second first");
  }
  check_status(status, "cudaEventElapsedTime");
  return ms;
}

void order_streams(int first_device, cudaStream_t first, int then_device, cudaStream_t then) {
  if (first == then && first_device == then_device) return;
  check_not_forked();
  const cudaEvent_t event = take_event(first_device);
  check<RuntimeError>(event != nullptr, "cuda: no event could be made on device {}", first_device);
  // The null stream is the current device's. The wait is for this record, whatever becomes of the event.
  cudaError_t status;
  {
    const DeviceGuard guard(first_device);
    status = cudaEventRecord(event, first);
  }
  if (status == cudaSuccess) {
    const DeviceGuard guard(then_device);
    status = cudaStreamWaitEvent(then, event, 0);
  }
  give_event(first_device, event);
  check_status(status, "cudaEventRecord or cudaStreamWaitEvent");
}

}  // namespace plait::cuda
