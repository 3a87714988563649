// A group of ranks that NCCL connects, as its communicator, the Work of its calls and the watchdog see it:
// the handle, what is queued, and what ended it.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cuda/vendor/nccl_library.h"
#include "distributed/communicator.h"

namespace plait::cuda {

using Clock = std::chrono::steady_clock;

// What is said about a call when it fails.
struct NcclCallText {
  const char* collective = "";
  std::optional<distributed::Reduction> reduction;
  int peer = -1;  // or root
  int tensors = 0;
  DType dtype = DType::Float32;  // of the first
  Dims sizes;

  std::string arguments() const;  // "sum, float32 (2, 3)"
};

// A call that has been queued. Its event is recorded behind it.
struct NcclCall {
  const NcclCallText text;
  const int64_t number;
  const int device;
  bool captured = false;  // into a graph: its event is a node's, which nobody may ask
  cudaEvent_t event = nullptr;
  Clock::time_point begun;  // with the group's mutex: the time that it could begin, as far as is known
  std::atomic<bool> done{false};
  std::exception_ptr failure;  // with the group's mutex

  NcclCall(NcclCallText text_, int64_t number_, int device_)
      : text(std::move(text_)),
        number(number_),
        device(device_) {}
  ~NcclCall();
  NcclCall(const NcclCall&) = delete;
  NcclCall& operator=(const NcclCall&) = delete;
  // Asks the event; false where it is captured. Raises where the device has failed.
  bool ask();
};
using NcclCallPtr = std::shared_ptr<NcclCall>;

class NcclGroup : public std::enable_shared_from_this<NcclGroup> {
 public:
  NcclGroup(const distributed::GroupOptions& options, int device);
  ~NcclGroup();
  NcclGroup(const NcclGroup&) = delete;
  NcclGroup& operator=(const NcclGroup&) = delete;

  const distributed::GroupOptions& options() const { return options_; }
  int device() const { return device_; }
  std::string where() const;  // "group 'default', rank 1 of 4"
  std::string text_of(const NcclCall& call) const;

  // ---- calls of NCCL: one thread at a time. Those that hold the mutex may call `end`.
  std::recursive_mutex& calls_mutex() { return calls_mutex_; }
  ncclComm_t& handle() { return handle_; }  // with that mutex; null: ended
  Clock::time_point deadline() const;       // of a call that begins now
  // Waits until what has returned ncclInProgress is done; ends the group and raises where it fails. `call`:
  // whose it is, or null.
  void settle(ncclResult_t status, const char* function, const NcclCall* call, Clock::time_point until);

  // ---- what is queued
  void add(const NcclCallPtr& call);  // the watchdog looks after it
  bool is_idle() const;
  // The watchdog's round; false where there is nothing left to look after.
  bool look();

  // ---- failure
  bool has_failed() const { return failed_.load(std::memory_order_acquire); }
  std::exception_ptr failure() const;
  std::exception_ptr failure_of(const NcclCall& call) const;
  // Ends the group: what is queued fails, kernels that wait for other ranks leave, every later call raises
  // the first `why`. `unasked`: the program learns it at the latest where it next waits for the device. What
  // has passed its event by now is `well`, unless NCCL itself has failed.
  void end(const std::string& why, bool unasked, bool well = true);
  [[noreturn]] void raise(std::exception_ptr failure);

 private:
  enum class State { Well, Ended, Unknown };
  State ask_library(const NcclCall& front);

  const distributed::GroupOptions options_;
  const int device_;
  std::recursive_mutex calls_mutex_;
  ncclComm_t handle_ = nullptr;
  mutable std::mutex mutex_;
  std::deque<NcclCallPtr> queued_;
  bool watched_ = false;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

}  // namespace plait::cuda
