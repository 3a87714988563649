// What moves tensors between processes: one interface, which a library for the CPU (distributed/cpu/) and
// NVIDIA's NCCL (cuda/vendor/nccl.cpp) implement.
//
// The model
//   A *group* is a number of processes, its ranks, which call the same collectives in the same order. Each of
//   them has a Communicator: one group over one library. The Python package makes them (plait.distributed),
//   maps devices to libraries, and builds the rest of PyTorch's interface from what stands here: forms with
//   lists of tensors, gather, scatter, objects, differentiable forms.
//
//   Every call is queued and returns a Work at once. Collectives of a communicator run one after the other,
//   in the order of the calls; transfers between two ranks are matched by peer and tag, and run beside them.
//   A Work keeps its tensors alive. It ends well, or with a failure that wait() throws.
//
//   Who waits for what: on the CPU wait() blocks the calling thread until the result is there. On a stream
//   device it makes the *current stream* wait and returns; a call reads its inputs after all that was queued
//   on the stream that was current when it was made, and its tensors are not to be touched on other streams
//   before they, too, have waited. A library with streams of its own calls `record_stream` for what it uses.
//
//   Tensors that come here are contiguous, of the library's device, and without history; the caller has
//   checked that sizes fit on its own side, has made stand-ins for others, and counts the write in the
//   version. They may be empty. Results are the same bits on all ranks.
//
//   Failure: a rank that dies, that is late (options.timeout) or that calls something else ends the whole
//   group. The error names the collective and its number, the group, this rank, the rank that is missing (or
//   what it called instead), and how long was waited. Every later call raises the same. Nobody hangs:
//   `abort` ends what is queued from any thread, and the destructor aborts what has not ended.
//
// Nothing here holds Python's lock: bindings give it up around all calls.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace plait::distributed {

enum class Reduction : uint8_t { Sum, Avg, Product, Min, Max, BitAnd, BitOr, BitXor };
PLAIT_API std::string_view name(Reduction reduction);  // "sum", ...

using Milliseconds = std::chrono::milliseconds;
inline constexpr Milliseconds kNoTimeout{-1};

// What a rank uses to find the others, before there is a communicator: a store of bytes that all of them see
// (of Python's, plait.distributed.Store). The keys of a group are its own. May be called by the thread that
// makes the communicator alone, and until it is made.
struct Exchange {
  std::function<void(const std::string& key, const std::string& bytes)> put;
  std::function<std::string(const std::string& key)> get;  // waits for the key; raises after its timeout
};

struct GroupOptions {
  std::string name;  // for messages, and to tell groups of one process from each other
  int rank = 0;
  int size = 1;
  Milliseconds timeout{30 * 60 * 1000};  // of each call, from the time it is begun
  Exchange exchange;                     // unused in a group of one
  std::string hosts = "127.0.0.1";       // where others may reach this rank, best first, separated by commas
  Device device;                         // where a library is bound to one device: that one, with its index
};

// A call that has been queued.
class PLAIT_API Work {
 public:
  virtual ~Work() = default;
  // See "who waits for what" above. Throws the failure; a RuntimeError after `timeout` (the group is not
  // ended by that). Where the host waits, `poll` is called several times a second, and what it throws ends
  // the waiting: so an interrupt of the user's comes through.
  virtual void wait(Milliseconds timeout = kNoTimeout, const std::function<void()>& poll = {}) = 0;
  // Has the device, or the thread, done it, well or not? Never blocks.
  virtual bool is_completed() = 0;
  // The failure of one that has ended, else null.
  virtual std::exception_ptr failure() = 0;
  // Of one received transfer from any rank: whose it was, once it is completed.
  virtual int source() const { return -1; }
};
using WorkPtr = std::shared_ptr<Work>;

// Sends a tensor to a rank, or fills one with what a rank has sent with the same tag.
struct Transfer {
  bool send = false;
  Tensor tensor;
  int peer = 0;     // kAnyRank: receives from whoever sends first; where the library can
  int64_t tag = 0;  // a library may ignore tags, and then matches in the order of the calls
};
inline constexpr int kAnyRank = -1;

class PLAIT_API Communicator {
 public:
  explicit Communicator(GroupOptions options) : options_(std::move(options)) {}
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return options_.rank; }
  int size() const { return options_.size; }
  const std::string& group() const { return options_.name; }
  const GroupOptions& options() const { return options_; }
  virtual const char* library() const = 0;  // its name in the registry below

  // How a call is made. `waits`: the caller waits at once, so that a library whose host does the work may do
  // it in the calling thread; `poll` is then what Work::wait is given.
  struct Call {
    bool waits = false;
    const std::function<void()>* poll = nullptr;
  };

  // In place, each tensor for itself, in one call for all of them. They may differ in dtype.
  virtual WorkPtr all_reduce(std::vector<Tensor> tensors, Reduction reduction, const Call& call) = 0;
  // In place at `root`; what the other ranks' tensors hold afterwards is undefined.
  virtual WorkPtr reduce(Tensor tensor, int root, Reduction reduction, const Call& call) = 0;
  virtual WorkPtr broadcast(Tensor tensor, int root, const Call& call) = 0;
  // `out` has size() times the elements of `in`, rank by rank; `in` may be the part of `out` that is this
  // rank's.
  virtual WorkPtr all_gather(Tensor out, Tensor in, const Call& call) = 0;
  // `in` has size() times the elements of `out`, which gets this rank's part of the reduction; `out` may be
  // that part of `in`. `in` may be overwritten elsewhere only where it is `out`'s storage.
  virtual WorkPtr reduce_scatter(Tensor out, Tensor in, Reduction reduction, const Call& call) = 0;
  // Numbers of elements for each rank, in the order of the ranks, which lie one after the other.
  virtual WorkPtr all_to_all(Tensor out, Tensor in, std::vector<int64_t> out_counts,
                             std::vector<int64_t> in_counts, const Call& call) = 0;
  // All of them together, in any order: a ring of ranks, each of which sends and receives, never blocks.
  virtual WorkPtr transfer(std::vector<Transfer> transfers, const Call& call) = 0;
  // Ends when all ranks have called it.
  virtual WorkPtr barrier(const Call& call) = 0;

  // Ends the group from any thread: what is queued fails with `why`, here and, where they can be told, on the
  // other ranks.
  virtual void abort(const std::string& why) = 0;
  // Leaves the group in good order: the others are told that this rank will call no more. What is still
  // queued is aborted. May be called twice.
  virtual void close() = 0;

 protected:
  const GroupOptions options_;
};
using CommunicatorPtr = std::shared_ptr<Communicator>;

// ---- libraries, by the names that PyTorch's backends have

// Connects the ranks: all of them call it, with the same name and size; returns when this rank may call.
using MakeCommunicator = std::function<CommunicatorPtr(const GroupOptions& options)>;

// "gloo" is the CPU's and is always there; libplait_cuda registers "nccl" when it is loaded. `device` is the
// type whose tensors it takes. `is_there` looks for what is loaded at run time, when it is first asked.
PLAIT_API void register_library(std::string name, DeviceType device, MakeCommunicator make,
                                std::function<bool()> is_there = {});
PLAIT_API bool has_library(const std::string& name);
PLAIT_API DeviceType library_device(const std::string& name);
PLAIT_API CommunicatorPtr make_communicator(const std::string& library, const GroupOptions& options);

}  // namespace plait::distributed
