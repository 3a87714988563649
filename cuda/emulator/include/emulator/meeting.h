// Work that several processes or streams must come to, as to a collective of NCCL.
#pragma once

#include <functional>
#include <memory>

#include "cuda_runtime_api.h"

namespace emulator {

#pragma GCC visibility push(default)

// Its stream stands until it is ready; others go on. Both functions are called with the runtime's lock and
// with open device memory, `ready` again and again from when the stream's earlier work is done. It takes
// place though no host waits for it, as on a GPU: another process may.
class Meeting {
 public:
  virtual ~Meeting() = default;
  virtual bool ready() = 0;
  virtual void run() = 0;
};
using MakeMeeting = std::function<std::shared_ptr<Meeting>()>;

// Queues what `make` gives. It is called with the runtime's lock when the work is queued: at each launch of a
// graph that has it. `api` is its name for ordered failures.
cudaError_t enqueue_meeting(const char* api, cudaStream_t stream, MakeMeeting make);

#pragma GCC visibility pop

}  // namespace emulator
