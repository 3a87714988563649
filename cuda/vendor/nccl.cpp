// The library "nccl" of plait.distributed: NVIDIA's NCCL behind distributed/communicator.h.
//
// A communicator has a stream of its own, with the highest priority. A call makes it wait for the current
// stream, queues NCCL's kernel there and an event behind it; Work::wait makes the current stream wait for
// that event. The host waits for barriers alone, and where a timeout is asked for.
//
// NCCL's communicator is one that never blocks the host: what takes time returns ncclInProgress and is asked
// about, so that the group's timeout holds everywhere. Kernels that wait for a rank for ever are the
// watchdog's (nccl_watchdog.h), which aborts the communicator. Graphs capture calls as they are; nobody looks
// after their replays, as nobody may ask their events.
#include <thread>

#include "core/error.h"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event.h"
#include "cuda/runtime/event_pool.h"
#include "cuda/runtime/fault.h"
#include "cuda/vendor/nccl_connect.h"
#include "cuda/vendor/nccl_group.h"
#include "cuda/vendor/nccl_types.h"
#include "distributed/communicator.h"

namespace plait::cuda {
namespace {

using distributed::Communicator;
using distributed::GroupOptions;
using distributed::Milliseconds;
using distributed::Reduction;
using distributed::Transfer;
using distributed::Work;
using distributed::WorkPtr;
using GroupPtr = std::shared_ptr<NcclGroup>;
using Poll = std::function<void()>;

constexpr auto kShortestSleep = std::chrono::microseconds(20),
               kLongestSleep = std::chrono::microseconds(1000);
constexpr auto kPollInterval = std::chrono::milliseconds(100);
// How long `close` lets calls end that were queued before it, and NCCL take leave.
constexpr auto kGrace = std::chrono::seconds(10);

// ---- work

class NcclWork final : public Work {
 public:
  NcclWork(GroupPtr group, NcclCallPtr call, std::vector<Tensor> tensors, bool host_waits)
      : group_(std::move(group)),
        call_(std::move(call)),
        tensors_(std::move(tensors)),
        host_waits_(host_waits) {}

  void wait(Milliseconds timeout, const Poll& poll) override {
    check_not_forked();
    if (auto failed = failure()) group_->raise(std::move(failed));
    const DeviceGuard guard(call_->device);
    const cudaStream_t current = current_stream(call_->device);
    const bool capturing = is_capturing(current);
    check<RuntimeError>(capturing || !call_->captured,
                        "{}: the call was captured in a graph, and takes place at its replays: wait for it "
                        "in the capture, and for the graph's stream outside of it",
                        call_->text.collective);
    if (!call_->done.load(std::memory_order_acquire)) {
      check<RuntimeError>(!capturing || call_->captured,
                          "{}: the call was made before the capture began: wait for it before",
                          call_->text.collective);
      check_cuda(cudaStreamWaitEvent(current, call_->event, 0));
    }
    if (capturing) return;
    if (host_waits_ || timeout.count() >= 0) wait_here(timeout, poll);
  }

  bool is_completed() override { return failure() || forked() || call_->ask(); }
  std::exception_ptr failure() override { return group_->failure_of(*call_); }

 private:
  void wait_here(Milliseconds timeout, const Poll& poll) {
    const auto begun = Clock::now();
    auto polled = begun;
    Clock::duration sleep = kShortestSleep;
    while (!call_->ask()) {
      if (auto failed = failure()) group_->raise(std::move(failed));
      const auto now = Clock::now();
      if (timeout.count() >= 0 && now - begun > timeout)
        fail<RuntimeError>("{} has not come to its end after {} ms", group_->text_of(*call_),
                           static_cast<int64_t>(timeout.count()));
      if (poll && now - polled > kPollInterval) {
        poll();
        polled = now;
      }
      std::this_thread::sleep_for(sleep);
      sleep = std::min<Clock::duration>(2 * sleep, kLongestSleep);
    }
    if (auto failed = failure()) group_->raise(std::move(failed));
    raise_faults(call_->device);
  }

  const GroupPtr group_;
  const NcclCallPtr call_;
  const std::vector<Tensor> tensors_;
  const bool host_waits_;
};

// ---- the communicator

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(const GroupOptions& options, int device)
      : Communicator(options),
        device_(device),
        stream_(pooled_stream(device, highest_priority(device))),
        group_(connect_nccl(options, device)) {}

  ~NcclCommunicator() override {
    try {
      close(Clock::duration::zero());
    } catch (const std::exception&) {  // the process is at its end
    }
  }

  const char* library() const override { return "nccl"; }

  WorkPtr all_reduce(std::vector<Tensor> tensors, Reduction reduction, const Call&) override {
    std::vector<NcclElements> elements;
    for (const Tensor& t : tensors) elements.push_back(nccl_reduction("all_reduce", t, t.numel(), reduction));
    return run(describe("all_reduce", tensors, reduction), tensors, [&](const Nccl& nccl, ncclComm_t comm) {
      return together(nccl, [&] {
        ncclResult_t status = ncclSuccess;
        for (size_t i = 0; i < tensors.size() && is_well(status); ++i)
          if (void* data = tensors[i].data_ptr(); elements[i].count)
            status = nccl.all_reduce(data, data, elements[i].count, elements[i].type, elements[i].op, comm,
                                     stream_);
        return status;
      });
    });
  }

  WorkPtr reduce(Tensor tensor, int root, Reduction reduction, const Call&) override {
    const NcclElements e = nccl_reduction("reduce", tensor, tensor.numel(), reduction);
    return run(
        describe("reduce", {tensor}, reduction, root), {tensor}, [&](const Nccl& nccl, ncclComm_t comm) {
          void* data = tensor.data_ptr();
          return e.count ? nccl.reduce(data, data, e.count, e.type, e.op, root, comm, stream_) : ncclSuccess;
        });
  }

  WorkPtr broadcast(Tensor tensor, int root, const Call&) override {
    return run(describe("broadcast", {tensor}, {}, root), {tensor}, [&](const Nccl& nccl, ncclComm_t comm) {
      void* data = tensor.data_ptr();
      return tensor.numel() ? nccl.broadcast(data, data, bytes_of(tensor), ncclUint8, root, comm, stream_)
                            : ncclSuccess;
    });
  }

  WorkPtr all_gather(Tensor out, Tensor in, const Call&) override {
    return run(describe("all_gather", {in}), {out, in}, [&](const Nccl& nccl, ncclComm_t comm) {
      return in.numel()
                 ? nccl.all_gather(in.data_ptr(), out.data_ptr(), bytes_of(in), ncclUint8, comm, stream_)
                 : ncclSuccess;
    });
  }

  WorkPtr reduce_scatter(Tensor out, Tensor in, Reduction reduction, const Call&) override {
    const NcclElements e = nccl_reduction("reduce_scatter", in, out.numel(), reduction);
    return run(describe("reduce_scatter", {in}, reduction), {out, in},
               [&](const Nccl& nccl, ncclComm_t comm) {
                 return e.count ? nccl.reduce_scatter(in.data_ptr(), out.data_ptr(), e.count, e.type, e.op,
                                                      comm, stream_)
                                : ncclSuccess;
               });
  }

  WorkPtr all_to_all(Tensor out, Tensor in, std::vector<int64_t> out_counts, std::vector<int64_t> in_counts,
                     const Call&) override {
    return run(describe("all_to_all", {in}), {out, in}, [&](const Nccl& nccl, ncclComm_t comm) {
      return together(nccl, [&] {
        const char* from = in.data<char>();
        char* to = out.data<char>();
        ncclResult_t status = ncclSuccess;
        for (int rank = 0; rank < size() && is_well(status); ++rank) {
          const auto r = static_cast<size_t>(rank);
          const auto sent = static_cast<size_t>(in_counts[r] * itemsize(in.dtype()));
          const auto received = static_cast<size_t>(out_counts[r] * itemsize(out.dtype()));
          if (sent) status = nccl.send(from, sent, ncclUint8, rank, comm, stream_);
          if (received && is_well(status))
            status = nccl.receive(to, received, ncclUint8, rank, comm, stream_);
          from += sent;
          to += received;
        }
        return status;
      });
    });
  }

  WorkPtr transfer(std::vector<Transfer> transfers, const Call&) override {
    std::vector<Tensor> tensors;
    for (const Transfer& t : transfers) {
      check(t.peer >= 0, "recv: nccl receives from a rank that is named; give src");
      tensors.push_back(t.tensor);
    }
    const bool one = transfers.size() == 1;
    const char* name = !one ? "batch_isend_irecv" : transfers[0].send ? "send" : "recv";
    return run(describe(name, tensors, {}, one ? transfers[0].peer : -1), tensors,
               [&](const Nccl& nccl, ncclComm_t comm) {
                 return together(nccl, [&] {
                   ncclResult_t status = ncclSuccess;
                   for (const Transfer& t : transfers) {
                     if (t.tensor.numel() == 0) continue;
                     void* data = t.tensor.data_ptr();
                     const size_t bytes = bytes_of(t.tensor);
                     status = t.send ? nccl.send(data, bytes, ncclUint8, t.peer, comm, stream_)
                                     : nccl.receive(data, bytes, ncclUint8, t.peer, comm, stream_);
                     if (!is_well(status)) break;
                   }
                   return status;
                 });
               });
  }

  WorkPtr barrier(const Call&) override {
    check<RuntimeError>(!is_capturing(current_stream(device_)),
                        "barrier: the host waits for it, which a graph cannot capture");
    return run(
        describe("barrier", {}), {},
        [&](const Nccl& nccl, ncclComm_t comm) {
          if (!token_) {
            const StreamGuard guard(device_, stream_);
            token_ = allocate_storage(1, device_);
            check_cuda(cudaMemsetAsync(token_->data(), 0, 1, stream_));
          }
          return nccl.all_reduce(token_->data(), token_->data(), 1, ncclUint8, ncclMax, comm, stream_);
        },
        true);
  }

  void abort(const std::string& why) override {
    if (forked()) return;
    group_->end(message("nccl: {} was aborted: {}", group_->where(), why), false);
  }
  void close() override { close(kGrace); }

 private:
  static bool is_well(ncclResult_t status) { return status == ncclSuccess || status == ncclInProgress; }
  static size_t bytes_of(const Tensor& t) { return static_cast<size_t>(t.nbytes()); }

  static NcclCallText describe(const char* collective, const std::vector<Tensor>& tensors,
                               std::optional<Reduction> reduction = {}, int peer = -1) {
    NcclCallText text;
    text.collective = collective;
    text.reduction = reduction;
    text.peer = peer;
    text.tensors = static_cast<int>(tensors.size());
    if (tensors.empty()) return text;
    text.dtype = tensors[0].dtype();
    text.sizes = tensors[0].sizes();
    return text;
  }

  // As one call of NCCL's, so that none of them waits for another.
  template <class F>
  static ncclResult_t together(const Nccl& nccl, F&& calls) {
    if (const ncclResult_t status = nccl.group_start(); status != ncclSuccess) return status;
    const ncclResult_t status = calls(), ended = nccl.group_end();
    return is_well(status) ? ended : status;
  }

  // `call(nccl, handle)` queues on stream_; it returns ncclSuccess where there is nothing to do.
  template <class F>
  WorkPtr run(NcclCallText text, std::vector<Tensor> tensors, F&& call, bool host_waits = false) {
    check_not_forked();
    for (const Tensor& t : tensors)
      check(t.device().type == DeviceType::CUDA && t.device().index == device_,
            "{}: {} is bound to cuda:{}, got a tensor on {}; move it, or make the group with device_id",
            text.collective, group_->where(), device_, t.device());
    const std::lock_guard lock(group_->calls_mutex());
    if (group_->has_failed()) group_->raise(group_->failure());
    check<RuntimeError>(group_->handle() != nullptr, "{}: {} was closed", text.collective, group_->where());
    const DeviceGuard guard(device_);
    const cudaStream_t current = current_stream(device_);
    const char* collective = text.collective;
    auto queued = std::make_shared<NcclCall>(std::move(text), ++calls_, device_);
    queued->captured = is_capturing(current);
    // The capture of another thread would get what is meant to run now.
    check<RuntimeError>(queued->captured || !is_capturing(stream_),
                        "{}: a graph is being captured with calls of this group, and this call is no part of "
                        "it; make it before or after, or on the stream that is captured",
                        collective);
    order_streams(device_, current, device_, stream_);
    {
      const RelaxedInCapture loading;  // of kernels, and connections that are made at their first use
      group_->settle(call(require_nccl(), group_->handle()), "NCCL", queued.get(), group_->deadline());
    }
    queued->event = take_event(device_);
    check<RuntimeError>(queued->event && record_event(device_, queued->event, stream_),
                        "{}: no event could be recorded on cuda:{}", collective, device_);
    for (const Tensor& t : tensors)
      if (t.storage()) record_stream(*t.storage(), stream_);
    if (queued->captured)
      captured_ = true;
    else
      group_->add(queued);
    return std::make_shared<NcclWork>(group_, std::move(queued), std::move(tensors), host_waits);
  }

  void close(Clock::duration grace) {
    if (forked()) return;
    const auto until = Clock::now() + grace;
    while (!group_->is_idle() && Clock::now() < until) std::this_thread::sleep_for(kLongestSleep);
    if (!group_->is_idle())
      group_->end(message("nccl: {} was closed before its calls had ended", group_->where()), false);
    const std::lock_guard lock(group_->calls_mutex());
    ncclComm_t& handle = group_->handle();
    if (!handle) return;
    // Graphs that captured calls use the communicator as long as they live, and NCCL would wait for their
    // end.
    if (captured_) {
      handle = nullptr;
      return;
    }
    const Nccl& nccl = require_nccl();
    const DeviceGuard guard(device_);
    token_ = {};
    group_->settle(nccl.finalize(handle), "ncclCommFinalize", nullptr,
                   std::max(until, Clock::now() + kGrace));
    const ncclResult_t status = nccl.destroy(std::exchange(handle, nullptr));
    check<RuntimeError>(is_well(status), "destroy_process_group: {}",
                        nccl_failure("ncclCommDestroy", status, nullptr));
  }

  const int device_;
  const cudaStream_t stream_;
  const GroupPtr group_;
  // With the group's mutex for calls.
  int64_t calls_ = 0;
  bool captured_ = false;
  Storage token_;  // what barriers reduce
};

distributed::CommunicatorPtr make(const GroupOptions& options) {
  require_nccl();
  check_not_forked();
  check(options.device.type == DeviceType::CUDA, "init_process_group: nccl wants a CUDA device, got {}",
        options.device);
  const int device = options.device.index >= 0 ? options.device.index : current_device();
  check_device(device);
  return std::make_shared<NcclCommunicator>(options, device);
}

[[maybe_unused]] const bool registered =
    (distributed::register_library("nccl", DeviceType::CUDA, make, [] { return find_nccl() != nullptr; }),
     true);

}  // namespace
}  // namespace plait::cuda
