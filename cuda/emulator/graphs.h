// Stream capture and graphs: what would have been queued, with what it depends on.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "streams.h"

struct CUgraphNode_st {
  emulator::Work work;
  std::vector<CUgraphNode_st*> dependencies;
};

struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;  // each after those it depends on
};

namespace emulator {

struct Capture {
  unsigned long long id;
  cudaStreamCaptureMode mode;
  std::thread::id thread;  // that began it
  Stream* origin;
  std::vector<Stream*> streams;  // the origin and those that joined
  std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
  bool invalid = false, ended = false;
};

bool is_active(const Capture& capture);

// Instead of queueing: makes a node.
cudaError_t record_work(Stream& stream, Work work);
// A stream that waits for an event of a capture joins it.
cudaError_t join_capture(Stream& stream, const std::shared_ptr<Capture>& capture,
                         const std::vector<CUgraphNode_st*>& frontier);

// Calls that capture does not allow. Each invalidates the capture and returns the error.
cudaError_t refuse_in_capture();  // cudaSuccess unless some capture's mode forbids unsafe calls
cudaError_t refuse_legacy(
    Stream& stream);  // cudaSuccess unless it is the legacy stream beside a blocking capture
cudaError_t refuse_captured(Stream& stream);
cudaError_t refuse_captured_event(Capture& capture);
cudaError_t refuse_outside_work(Stream& stream);  // a wait for work that is not in the capture
cudaError_t refuse_device_wait(
    int device);  // cudaSuccess unless one of the device's streams is being captured

}  // namespace emulator
