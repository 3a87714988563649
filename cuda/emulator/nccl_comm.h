// Communicators of the emulated NCCL, and the meetings that their calls become on a stream.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "emulator/meeting.h"
#include "nccl.h"
#include "nccl_world.h"

namespace emulator::nccl {

enum class Kind : int { AllReduce, Reduce, Broadcast, AllGather, ReduceScatter, Send, Receive };

// A call, checked.
struct Op {
  Kind kind;
  const char* api;
  const void* send;
  void* receive;
  size_t count;
  ncclDataType_t type;
  ncclRedOp_t op;
  int peer;  // or root; -1: neither
  std::shared_ptr<ncclComm> comm;
  cudaStream_t stream;

  bool is_transfer() const { return kind >= Kind::Send; }
  size_t bytes() const;  // of `count` elements
  Terms terms() const;
};

std::string describe(const Terms& terms);
// Prints it, and keeps it for ncclGetLastError.
ncclResult_t complain(ncclResult_t status, const std::string& what);

// What the library does with the calls of a group that are one communicator's.
cudaError_t queue(const std::vector<Op>& ops);

}  // namespace emulator::nccl

struct ncclComm {
  std::shared_ptr<emulator::nccl::World> world;
  int rank = 0, size = 0, device = 0;
  bool blocking = true;
  std::mutex calls;  // held by the host's call: a second one at the same time is a mistake of the caller's
  std::atomic<int> underway{0};      // meetings that are queued
  std::atomic<bool> ended{false};    // destroyed or aborted
  std::atomic<bool> aborted{false};  // meetings end as they stand
  std::atomic<bool> finalizing{false};
  std::atomic<int> error{ncclSuccess};

  // With the runtime's lock: numbers of the next meetings.
  uint64_t next_collective = 0;
  uint64_t next_send[emulator::nccl::kMaxRanks] = {}, next_receive[emulator::nccl::kMaxRanks] = {};

  // With `calls`: what a call that has returned ncclInProgress has not queued yet.
  std::vector<emulator::nccl::Op> delayed;
  int polls_left = 0;
  uint64_t calls_made = 0;

  void fail(ncclResult_t status, const std::string& what);
};
