#include "cuda/runtime/kernel_timer.h"

#include <chrono>
#include <memory>
#include <vector>

#include "core/backend.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event_pool.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {
namespace {

// The marks of one thread, with a first one for each device whose time by the host's clock is known.
class Timeline final : public DeviceTimeline {
 public:
  struct Mark {
    int device;
    cudaStream_t stream;
    cudaEvent_t begin, end;
    bool ended = false;
  };

  ~Timeline() override {
    if (forked()) return;
    for (const Mark& mark : marks_) {
      give_event(mark.device, mark.begin, true);
      give_event(mark.device, mark.end, true);
    }
    for (int device = 0; device < kMaxDevices; ++device)
      if (bases_[device].event) give_event(device, bases_[device].event, true);
  }

  // -1 where CUDA refuses.
  int64_t begin(int device) {
    if (!bases_[device].event && !set_base(device)) return -1;
    Mark mark{device, current_stream(device), take_event(device, true), take_event(device, true)};
    const bool done = mark.begin && mark.end && record_event(device, mark.begin, mark.stream);
    if (!done) {
      if (mark.begin) give_event(device, mark.begin, true);
      if (mark.end) give_event(device, mark.end, true);
      return -1;
    }
    marks_.push_back(mark);
    busy = true;
    return static_cast<int64_t>(marks_.size()) - 1;
  }
  const Mark& end(int64_t number) {
    Mark& mark = marks_[static_cast<size_t>(number)];
    busy = false;
    mark.ended = record_event(mark.device, mark.end, mark.stream);
    return mark;
  }

  bool busy = false;  // within an op: what its kernel calls is its own

  std::pair<int64_t, int64_t> times(int64_t number) override {
    const Mark& mark = marks_[static_cast<size_t>(number)];
    const Base& base = bases_[mark.device];
    if (!mark.ended || forked()) return {base.time, base.time};
    const DeviceGuard guard(mark.device);
    float since_base = 0, length = 0;
    const bool done = [&] {
      const DeviceWait waiting;
      return cudaEventSynchronize(mark.end) == cudaSuccess;
    }();
    if (!done || cudaEventElapsedTime(&since_base, base.event, mark.begin) != cudaSuccess ||
        cudaEventElapsedTime(&length, mark.begin, mark.end) != cudaSuccess) {
      cudaGetLastError();
      return {base.time, base.time};
    }
    const int64_t start = base.time + static_cast<int64_t>(1e6 * static_cast<double>(since_base));
    return {start, start + static_cast<int64_t>(1e6 * static_cast<double>(length))};
  }

 private:
  struct Base {
    cudaEvent_t event = nullptr;
    int64_t time = 0;
  };

  bool set_base(int device) {
    const cudaEvent_t event = take_event(device, true);
    if (!event) return false;
    if (!record_event(device, event, current_stream(device)) || cudaEventSynchronize(event) != cudaSuccess) {
      cudaGetLastError();
      give_event(device, event, true);
      return false;
    }
    bases_[device] = {event, std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count()};
    return true;
  }

  std::vector<Mark> marks_;
  Base bases_[kMaxDevices];
};

}  // namespace

void KernelTimer::begin(const char* op, int device) {
  std::unique_ptr<DeviceTimeline>* timeline = thread_timeline();  // null where kernels are traced
  // A graph would record the events and not the time.
  if (!timeline || device < 0 || is_capturing()) return;
  if (!*timeline) *timeline = std::make_unique<Timeline>();
  auto& marks = static_cast<Timeline&>(**timeline);
  if (marks.busy) return;
  op_ = op;
  device_ = device;
  mark_ = marks.begin(device);
}

void KernelTimer::end() noexcept {
  try {
    std::unique_ptr<DeviceTimeline>* timeline = thread_timeline();
    if (!timeline || !*timeline) return;  // the recording ended within the op
    const Timeline::Mark& mark = static_cast<Timeline&>(**timeline).end(mark_);
    if (mark.ended)
      record_device_work(op_, {DeviceType::CUDA, static_cast<int8_t>(device_)},
                         reinterpret_cast<uintptr_t>(mark.stream), mark_);
  } catch (const std::bad_alloc&) {  // the event is lost
  }
}

}  // namespace plait::cuda
