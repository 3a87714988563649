// What libplait_cupti_emulated.so sees of the runtime: calls that give the device work, and that work.
#pragma once

#include <cstdint>
#include <memory>

#include "emulator/launch.h"

namespace emulator {

// What a piece of work is, known when it is launched or captured.
struct WorkNote {
  WorkKind kind = WorkKind::Kernel;
  const void* kernel = nullptr;  // null: a library's
  const char* name = nullptr;    // of a library's function
  dim3 grid{1, 1, 1}, block{1, 1, 1};
  size_t shared = 0;
  size_t bytes = 0;
  int from = 0, to = 0;  // of a copy or a fill: Place's kinds
  int from_device = -1, to_device = -1;
};

// One run of it.
struct Activity {
  WorkNote note;
  int device = 0;
  unsigned long long stream = 0;
  uint32_t correlation = 0, graph = 0;
  uint64_t graph_node = 0;
  int64_t start = 0, end = 0;  // ns; 0: not run yet
};

#pragma GCC visibility push(default)

// Called with the runtime's lock held: it may not call the runtime.
class Tracer {
 public:
  virtual ~Tracer() = default;
  virtual uint32_t call() noexcept = 0;  // the calling thread gives work to a device; the call's number
  virtual void queued(const std::shared_ptr<Activity>& activity) noexcept = 0;
  virtual void done(const std::shared_ptr<Activity>& activity) noexcept = 0;
};

void set_tracer(Tracer* tracer);  // it lives for ever; null: none
int64_t activity_clock();         // ns, of the time of day: not the clock that plait's profiler has
// A function's name in its library's symbol table, also of one that is not exported; null where there is
// none.
const char* symbol_name(const void* function);

#pragma GCC visibility pop

Tracer* tracer();

}  // namespace emulator
