// How long the device works at an op, for the profiler: events on the current stream before and after what
// the op launches. Where nothing is recorded it is a test of the thread's context.
//
// The time is the device's, from when it comes to the op's first kernel to when it is done with the last.
// Where the device waits for the host, the wait between the event before and the kernel, some microseconds,
// counts.
#pragma once

#include <cstdint>

#include "core/recorder.h"

namespace plait::cuda {

class KernelTimer {
 public:
  KernelTimer(const char* op, int device) {
    if (__builtin_expect(recording(), 0)) begin(op, device);
  }
  ~KernelTimer() {
    if (__builtin_expect(mark_ >= 0, 0)) end();
  }
  KernelTimer(const KernelTimer&) = delete;
  KernelTimer& operator=(const KernelTimer&) = delete;

 private:
  void begin(const char* op, int device);
  void end() noexcept;
  const char* op_ = "";
  int device_ = -1;
  int64_t mark_ = -1;
};

}  // namespace plait::cuda
