// libnccl's functions on the CPU, with its names: ranks in one process or in several of one machine, which
// meet in shared memory.
//
// What NCCL leaves undefined is refused or shows: calls that differ between ranks are reported and end (in
// NCCL they hang), results of an aborted collective are overwritten, a graph that outlives its communicator
// is told. Where a communicator is not blocking, some calls return ncclInProgress and queue nothing until
// they are asked about.
#include "nccl.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "emulator/control.h"
#include "emulator/launch.h"
#include "nccl_comm.h"
#include "nccl_math.h"

using namespace emulator;
using namespace emulator::nccl;

namespace {

using CommPtr = std::shared_ptr<ncclComm>;

struct Comms {
  std::mutex mutex;
  std::map<ncclComm_t, CommPtr> live;
  std::string last_error;
};
Comms& comms() {
  static auto& all = *new Comms;
  return all;
}

CommPtr find(ncclComm_t handle) {
  Comms& all = comms();
  std::lock_guard lock(all.mutex);
  const auto found = all.live.find(handle);
  return found == all.live.end() ? nullptr : found->second;
}
void forget(const CommPtr& comm, Presence how) {
  comm->ended = true;
  comm->aborted = how == Aborted;
  comm->world->leave(how);
  Comms& all = comms();
  std::lock_guard lock(all.mutex);
  all.live.erase(comm.get());
}

ncclResult_t ordered(const char* name) {
  switch (ordered_failure(name)) {
    case cudaSuccess: return ncclSuccess;
    case cudaErrorInvalidValue: return ncclInvalidArgument;
    case cudaErrorNotSupported: return ncclInvalidUsage;
    case cudaErrorMemoryAllocation: return ncclUnhandledCudaError;
    default: return ncclSystemError;
  }
}

class OnDevice {
 public:
  explicit OnDevice(int device) {
    cudaGetDevice(&before_);
    cudaSetDevice(device);
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

// ---- groups

struct Group {
  int depth = 0;
  std::vector<Op> ops;
  ncclResult_t failure = ncclSuccess;
};
thread_local Group t_group;

ncclResult_t queue_now(const CommPtr& comm, const std::vector<Op>& ops) {
  const OnDevice device(comm->device);
  const cudaError_t status = queue(ops);
  if (status == cudaSuccess) return ncclSuccess;
  return complain(ncclUnhandledCudaError, std::string(ops.front().api) + ": " + cudaGetErrorString(status));
}

// A communicator that is not blocking: the first call, and every third one, needs a while.
ncclResult_t begin(const CommPtr& comm, std::vector<Op> ops) {
  const std::unique_lock lock(comm->calls, std::try_to_lock);
  if (!lock) return complain(ncclInvalidUsage, "two threads call one communicator at the same time");
  if (!comm->delayed.empty())
    return complain(ncclInvalidArgument, "a communicator is used before an earlier call has succeeded");
  if (comm->blocking || comm->calls_made++ % 3 != 0) return queue_now(comm, ops);
  comm->delayed = std::move(ops);
  comm->polls_left = 2;
  return ncclInProgress;
}

ncclResult_t end_group() {
  std::vector<Op> ops;
  ops.swap(t_group.ops);
  const ncclResult_t failure = std::exchange(t_group.failure, ncclSuccess);
  if (failure != ncclSuccess) return failure;
  std::vector<CommPtr> order;
  std::map<CommPtr, std::vector<Op>> by_comm;
  for (Op& op : ops) {
    if (!by_comm.contains(op.comm)) order.push_back(op.comm);
    by_comm[op.comm].push_back(std::move(op));
  }
  ncclResult_t result = ncclSuccess;
  for (const CommPtr& comm : order) {
    const ncclResult_t status = begin(comm, std::move(by_comm[comm]));
    if (result == ncclSuccess || result == ncclInProgress)
      if (status != ncclSuccess) result = status;
  }
  return result;
}

// ---- checks

ncclResult_t refuse(const Op& op, const std::string& what) {
  return complain(ncclInvalidArgument, std::string(op.api) + ": " + what);
}

bool is_on(int device, const void* data, size_t bytes) {
  cudaPointerAttributes attributes;
  return cudaPointerGetAttributes(&attributes, data) == cudaSuccess &&
         attributes.type == cudaMemoryTypeDevice && attributes.device == device &&
         is_device_accessible(data, bytes);
}

ncclResult_t check(const Op& op) {
  const ncclComm& comm = *op.comm;
  if (item_size(op.type) == 0) return refuse(op, "unknown type " + std::to_string(op.type));
  if (op.op < ncclSum || op.op > ncclAvg) return refuse(op, "unknown operation " + std::to_string(op.op));
  if (op.peer < -1 || op.peer >= comm.size ||
      (op.peer == -1 && (op.is_transfer() || op.kind == Kind::Reduce || op.kind == Kind::Broadcast)))
    return refuse(op, "no rank " + std::to_string(op.peer) + " of " + std::to_string(comm.size));
  if (op.kind >= Kind::Send && op.peer == comm.rank && t_group.depth == 0)
    return refuse(op, "a transfer to oneself outside of a group");
  int device = -1;
  if (stream_device(op.stream, &device) != cudaSuccess) return refuse(op, "no such stream");
  if (op.stream && device != comm.device) return refuse(op, "the stream is another device's");
  if (op.count == 0) return ncclSuccess;

  const size_t bytes = op.bytes(), all = bytes * size_t(comm.size), mine = bytes * size_t(comm.rank);
  const bool sends = op.kind != Kind::Receive && (op.kind != Kind::Broadcast || comm.rank == op.peer);
  const bool receives = op.kind != Kind::Send && (op.kind != Kind::Reduce || comm.rank == op.peer);
  const size_t in = !sends ? 0 : op.kind == Kind::ReduceScatter ? all : bytes;
  const size_t out = !receives ? 0 : op.kind == Kind::AllGather ? all : bytes;
  if (in && !is_on(comm.device, op.send, in))
    return refuse(op, "what is sent is not in one block of the device's memory");
  if (out && !is_on(comm.device, op.receive, out))
    return refuse(op, "what is received is not in one block of the device's memory");
  if (!in || !out) return ncclSuccess;
  const char *from = static_cast<const char*>(op.send), *to = static_cast<const char*>(op.receive);
  const bool in_place = op.kind == Kind::AllGather       ? from == to + mine
                        : op.kind == Kind::ReduceScatter ? to == from + mine
                                                         : from == to;
  if (!in_place && from < to + out && to < from + in)
    return refuse(op, "what is sent and what is received overlap, and are not in place");
  return ncclSuccess;
}

ncclResult_t call(Op op, ncclComm_t handle) {
  const auto result = [&]() -> ncclResult_t {
    if (const ncclResult_t status = ordered(op.api); status != ncclSuccess)
      return complain(status, std::string(op.api) + ": a failure that was ordered");
    op.comm = find(handle);
    if (!op.comm) return refuse(op, "no such communicator, or no more");
    if (op.comm->finalizing) return refuse(op, "the communicator was finalized");
    if (op.comm->error != ncclSuccess) return ncclResult_t(op.comm->error.load());
    if (!op.comm->world->complete()) return refuse(op, "the communicator is used before it is connected");
    return check(op);
  }();
  if (result != ncclSuccess) {
    if (t_group.depth && t_group.failure == ncclSuccess) t_group.failure = result;
    return result;
  }
  t_group.ops.push_back(std::move(op));
  return t_group.depth ? ncclSuccess : end_group();
}

// What all ranks must have right, seen when all are there.
void check_ranks(const CommPtr& comm) {
  for (int a = 0; a < comm->size; ++a)
    for (int b = 0; b < a; ++b)
      if (comm->world->state(a).device == comm->world->state(b).device)
        comm->fail(ncclInvalidUsage, "Duplicate GPU detected : rank " + std::to_string(b) + " and rank " +
                                         std::to_string(a) + " both on CUDA device " +
                                         std::to_string(comm->world->state(a).device));
}

}  // namespace

ncclResult_t emulator::nccl::complain(ncclResult_t status, const std::string& what) {
  std::fprintf(stderr, "CUDA emulator: nccl: %s\n", what.c_str());
  Comms& all = comms();
  std::lock_guard lock(all.mutex);
  all.last_error = what;
  return status;
}

#pragma GCC visibility push(default)
extern "C" {

// For tests: communicators that were neither destroyed nor aborted.
int plait_emulator_nccl_communicators(void) {
  Comms& all = comms();
  std::lock_guard lock(all.mutex);
  return int(all.live.size());
}

ncclResult_t ncclGetVersion(int* version) {
  if (!version) return ncclInvalidArgument;
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (!id) return ncclInvalidArgument;
  if (const ncclResult_t status = ordered("ncclGetUniqueId"); status != ncclSuccess) return status;
  std::random_device random;
  for (char& byte : id->internal) byte = char(random());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* handle, int nranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  if (!handle || nranks < 1 || rank < 0 || rank >= nranks)
    return complain(ncclInvalidArgument, "ncclCommInitRankConfig: no rank " + std::to_string(rank) + " of " +
                                             std::to_string(nranks));
  *handle = nullptr;
  if (config && (config->magic != 0xcafebeef || config->size != sizeof *config))
    return complain(ncclInvalidArgument, "ncclCommInitRankConfig: a config that was not initialized");
  if (config && config->blocking != NCCL_CONFIG_UNDEF_INT && config->blocking != 0 && config->blocking != 1)
    return complain(ncclInvalidArgument, "ncclCommInitRankConfig: blocking is neither 0 nor 1");
  if (nranks > kMaxRanks) return complain(ncclInvalidUsage, "more ranks than are emulated");
  if (const ncclResult_t status = ordered("ncclCommInitRankConfig"); status != ncclSuccess) return status;
  const auto comm = std::make_shared<ncclComm>();
  comm->size = nranks;
  comm->rank = rank;
  comm->blocking = !config || config->blocking != 0;
  if (cudaGetDevice(&comm->device) != cudaSuccess) return ncclUnhandledCudaError;
  std::string name = "plait-nccl-", reason;
  for (int i = 0; i < 16; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(id.internal[i]));
    name += digits;
  }
  comm->world = World::join(name, nranks, rank, comm->device, reason);
  if (!comm->world) return complain(ncclSystemError, "ncclCommInitRankConfig: " + reason);
  {
    Comms& all = comms();
    std::lock_guard lock(all.mutex);
    all.live[comm.get()] = comm;
  }
  *handle = comm.get();
  if (!comm->blocking) return ncclInProgress;
  while (!comm->world->complete()) std::this_thread::sleep_for(std::chrono::microseconds(200));
  check_ranks(comm);
  return ncclResult_t(comm->error.load());
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t handle, ncclResult_t* error) {
  const CommPtr comm = find(handle);
  if (!comm || !error) return complain(ncclInvalidArgument, "ncclCommGetAsyncError: no such communicator");
  if (const ncclResult_t status = ordered("ncclCommGetAsyncError"); status != ncclSuccess)
    comm->fail(status, "a failure that was ordered");
  *error = ncclInProgress;
  if (!comm->world->complete()) return ncclSuccess;
  if (comm->error == ncclSuccess) check_ranks(comm);
  if (comm->error == ncclSuccess) {
    const std::unique_lock lock(comm->calls, std::try_to_lock);
    if (!lock) return ncclSuccess;
    if (!comm->delayed.empty()) {
      if (--comm->polls_left > 0) return ncclSuccess;
      std::vector<Op> ops;
      ops.swap(comm->delayed);
      if (const ncclResult_t status = queue_now(comm, ops); status != ncclSuccess)
        comm->fail(status, "a call that was in progress has failed");
    }
    if (comm->finalizing && comm->underway) return ncclSuccess;
  }
  *error = ncclResult_t(comm->error.load());
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t handle) {
  const CommPtr comm = find(handle);
  if (!comm) return complain(ncclInvalidArgument, "ncclCommFinalize: no such communicator");
  if (const ncclResult_t status = ordered("ncclCommFinalize"); status != ncclSuccess) return status;
  if (comm->finalizing.exchange(true))
    return complain(ncclInvalidArgument, "ncclCommFinalize: a second time");
  if (!comm->blocking) return ncclInProgress;
  while (comm->underway) std::this_thread::sleep_for(std::chrono::microseconds(200));
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t handle) {
  const CommPtr comm = find(handle);
  if (!comm) return complain(ncclInvalidArgument, "ncclCommDestroy: no such communicator");
  if (const ncclResult_t status = ordered("ncclCommDestroy"); status != ncclSuccess) return status;
  if (comm->underway || !comm->delayed.empty())
    return complain(ncclInvalidUsage, "ncclCommDestroy: what was queued has not been done");
  forget(comm, Left);
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t handle) {
  const CommPtr comm = find(handle);
  if (!comm) return complain(ncclInvalidArgument, "ncclCommAbort: no such communicator");
  forget(comm, Aborted);
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess: return "no error";
    case ncclUnhandledCudaError: return "unhandled cuda error (run with NCCL_DEBUG=INFO for details)";
    case ncclSystemError: return "unhandled system error (run with NCCL_DEBUG=INFO for details)";
    case ncclInternalError: return "internal error - please report this issue to the NCCL developers";
    case ncclInvalidArgument: return "invalid argument (run with NCCL_DEBUG=WARN for details)";
    case ncclInvalidUsage: return "invalid usage (run with NCCL_DEBUG=WARN for details)";
    case ncclRemoteError: return "remote process exited or there was a network error";
    case ncclInProgress: return "NCCL operation in progress";
  }
  return "unknown result code";
}

const char* ncclGetLastError(ncclComm_t) {
  thread_local std::string text;
  Comms& all = comms();
  std::lock_guard lock(all.mutex);
  text = all.last_error;
  return text.c_str();
}

ncclResult_t ncclAllReduce(const void* send, void* receive, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  return call({Kind::AllReduce, "ncclAllReduce", send, receive, count, type, op, -1, nullptr, stream}, comm);
}

ncclResult_t ncclReduce(const void* send, void* receive, size_t count, ncclDataType_t type, ncclRedOp_t op,
                        int root, ncclComm_t comm, cudaStream_t stream) {
  return call({Kind::Reduce, "ncclReduce", send, receive, count, type, op, root, nullptr, stream}, comm);
}

ncclResult_t ncclBroadcast(const void* send, void* receive, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  return call({Kind::Broadcast, "ncclBroadcast", send, receive, count, type, ncclSum, root, nullptr, stream},
              comm);
}

ncclResult_t ncclAllGather(const void* send, void* receive, size_t send_count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return call(
      {Kind::AllGather, "ncclAllGather", send, receive, send_count, type, ncclSum, -1, nullptr, stream},
      comm);
}

ncclResult_t ncclReduceScatter(const void* send, void* receive, size_t receive_count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  return call(
      {Kind::ReduceScatter, "ncclReduceScatter", send, receive, receive_count, type, op, -1, nullptr, stream},
      comm);
}

ncclResult_t ncclSend(const void* send, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return call({Kind::Send, "ncclSend", send, nullptr, count, type, ncclSum, peer, nullptr, stream}, comm);
}

ncclResult_t ncclRecv(void* receive, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return call({Kind::Receive, "ncclRecv", nullptr, receive, count, type, ncclSum, peer, nullptr, stream},
              comm);
}

ncclResult_t ncclGroupStart() {
  ++t_group.depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (t_group.depth == 0) return complain(ncclInvalidUsage, "ncclGroupEnd: no group was begun");
  return --t_group.depth ? ncclSuccess : end_group();
}

}  // extern "C"
#pragma GCC visibility pop
