// Streams are queues of work. Nothing runs when it is queued; it runs when the host waits for it, and then
// other streams' work may run before it: a seed decides.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "activity.h"
#include "api.h"
#include "emulator/launch.h"
#include "emulator/meeting.h"

namespace emulator {

struct Device;
struct Capture;

// When a piece of queued work is done. Events point to one; so does whatever must come later.
struct Completion {
  bool done = false;
  double time = 0;  // seconds, of the host's clock
  CUstream_st* stream = nullptr;
};
using Done = std::shared_ptr<Completion>;

struct Work {
  WorkKind kind;
  std::function<void()> body;                      // may be empty: an event
  uint64_t devices = 0;                            // whose memory it uses
  std::shared_ptr<const WorkNote> note = nullptr;  // null: nothing that a tracer sees
  // Of the call that launches it, where that is known; of a graph's node the graph and the node.
  uint32_t correlation = 0, graph = 0;
  uint64_t graph_node = 0;
  MakeMeeting meet = nullptr;  // in place of the body
};

struct Item {
  Work work;
  std::vector<Done> waits;  // besides the stream's earlier work
  Done done;
  std::shared_ptr<Meeting> meeting = nullptr;
  std::shared_ptr<Activity> activity = nullptr;  // null: nobody traces it
};

// A failure of device work, thrown by Work::body: it ends the device's context.
struct Failure {
  cudaError_t error;
};

}  // namespace emulator

struct CUstream_st {
  int device = 0;
  unsigned flags = cudaStreamDefault;
  int priority = 0;
  unsigned long long id = 0;
  bool destroyed = false;
  bool busy = false;  // its front runs on a thread that has released the lock: a host function
  std::deque<emulator::Item> queue;
  emulator::Done last;  // its newest work

  std::shared_ptr<emulator::Capture> capture;
  std::vector<CUgraphNode_st*> frontier;  // of the capture: what the next node depends on
};

namespace emulator {

using Stream = CUstream_st;

// The stream that a handle names: of the calling thread's device where the handle names none.
cudaError_t find_stream(cudaStream_t handle, Stream** stream);

// Queues work, or records it while the stream is being captured.
cudaError_t submit(Lock& lock, Stream& stream, Work work, Done* done = nullptr);
// Queues work that waits for more than the stream's order. Never records.
Done queue_work(Lock& lock, Stream& stream, Work work, std::vector<Done> waits);

// Runs queued work until the given is done. The result: what ended the device's context, if anything did.
cudaError_t wait_for(Lock& lock, const Done& done);
cudaError_t wait_stream(Lock& lock, Stream& stream);
cudaError_t wait_device(Lock& lock, Device& device);
// Runs one piece of queued work, so that polling loops end.
void make_progress(Lock& lock);

void fail_device(Device& device, cudaError_t error);
void drop_streams(Device& device);

}  // namespace emulator
