// What devices did, kernel by kernel, as their own library tells it: for the profiler.
//
// The library of a device names its tracer when it is loaded. A process has one trace at a time, and it is
// that of one recording: each event of the recording's threads is told to the tracer when it begins and ends,
// so that a kernel knows within which event it was launched. While a recording traces, ops are not timed by
// themselves (`thread_timeline` is null).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/export.h"

namespace plait {

class Recording;

struct DeviceActivity {
  enum class Kind : uint8_t { Kernel, Copy, Fill };
  Kind kind = Kind::Kernel;
  int device = 0;
  uint64_t stream = 0;         // the tracer's number of it
  int64_t start = 0, end = 0;  // ns of the steady clock
  uint64_t event = 0;          // RecordedEvent::id; 0: launched within none
  uint64_t correlation = 0;    // the call that launched it: the same for all that a graph's replay runs
  uint64_t graph = 0;          // of the replay; 0: none
  std::string name;            // of a kernel as C++ writes it; "Memcpy HtoD (Pageable -> Device)"
  int64_t grid[3] = {}, block[3] = {};
  int64_t registers = 0;                          // of a thread
  int64_t static_shared = 0, dynamic_shared = 0;  // bytes of a block
  int64_t bytes = 0;                              // of a copy or a fill
};

struct DeviceTrace {
  std::vector<DeviceActivity> activities;  // by their start
  std::string complaint;                   // what is missing, and why; empty: nothing
};

class PLAIT_API DeviceTracer {
 public:
  virtual ~DeviceTracer() = default;
  // Why it cannot, in one line; empty: it traces from here on.
  virtual std::string begin() = 0;
  // What the calling thread gives devices from here on is within that event; `leave`: within the one before.
  virtual void enter(uint64_t event) noexcept = 0;
  virtual void leave() noexcept = 0;
  // Waits for the devices.
  virtual DeviceTrace end() = 0;
  // Waits for nothing, and what was traced is lost.
  virtual void abandon() noexcept = 0;
};

PLAIT_API void set_device_tracer(DeviceTracer* tracer);  // it lives for ever

// Of a recording that has begun, outside of all events. Returns why there is no trace, in one line, or an
// empty text.
PLAIT_API std::string begin_device_trace(const Recording& recording);
// An empty one where none was begun.
PLAIT_API DeviceTrace end_device_trace(const Recording& recording);
PLAIT_API void abandon_device_trace(const Recording& recording) noexcept;

// Null where the recording does not trace.
PLAIT_API DeviceTracer* device_tracer_of(const Recording& recording) noexcept;

}  // namespace plait
