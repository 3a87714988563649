#include "cuda/vendor/nccl_group.h"

#include <thread>

#include "core/error.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event_pool.h"
#include "cuda/runtime/fault.h"
#include "cuda/vendor/nccl_watchdog.h"

namespace plait::cuda {
namespace {

constexpr auto kPollInterval = std::chrono::microseconds(50);

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }
std::string seconds_text(Clock::duration time) {
  const double s = seconds(time);
  return s < 10 ? message("{} ms", static_cast<int64_t>(1000 * s)) : message("{} s", static_cast<int64_t>(s));
}

}  // namespace

// ---- calls

std::string NcclCallText::arguments() const {
  std::string text;
  if (reduction) text = message("{}, ", distributed::name(*reduction));
  if (peer >= 0) text += message("rank {}, ", peer);
  if (tensors == 0) return text + "no tensors";
  text += message("{} {}", dtype, sizes);
  if (tensors > 1) text += message(" and {} more tensors", tensors - 1);
  return text;
}

NcclCall::~NcclCall() {
  if (event && !forked()) give_event(device, event);
}

bool NcclCall::ask() {
  if (done.load(std::memory_order_acquire)) return true;
  if (captured) return false;
  const RelaxedInCapture relaxed;  // of whatever is captured meanwhile, this is no part
  const cudaError_t status = cudaEventQuery(event);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();
    return false;
  }
  check_status(status, "cudaEventQuery");
  done.store(true, std::memory_order_release);
  return true;
}

// ---- the group

NcclGroup::NcclGroup(const distributed::GroupOptions& options, int device)
    : options_(options),
      device_(device) {}

NcclGroup::~NcclGroup() = default;

std::string NcclGroup::where() const {
  return message("group '{}', rank {} of {}", options_.name, options_.rank, options_.size);
}

Clock::time_point NcclGroup::deadline() const {
  return options_.timeout.count() < 0 ? Clock::time_point::max() : Clock::now() + options_.timeout;
}

// "all_reduce: call 2 of group 'default', rank 1 of 4 (sum, float32 (2, 3))"
std::string NcclGroup::text_of(const NcclCall& call) const {
  return message("{}: call {} of {} ({})", call.text.collective, call.number, where(), call.text.arguments());
}

void NcclGroup::settle(ncclResult_t status, const char* function, const NcclCall* call,
                       Clock::time_point until) {
  const auto begun = Clock::now();
  const auto give_up = [&](const std::string& what) {
    const std::string who = call ? text_of(*call) : message("nccl: {}", where());
    end(message("{}: {}", who, what), false);
    raise(failure());
  };
  while (status == ncclInProgress) {
    if (has_failed()) raise(failure());
    if (Clock::now() > until)
      give_up(
          message("{} did not come to its end within {}; another rank may be missing, or ranks cannot reach "
                  "each other: NCCL_DEBUG=INFO tells more",
                  function, seconds_text(Clock::now() - begun)));
    const ncclResult_t asked = require_nccl().async_error(handle_, &status);
    if (asked != ncclSuccess) status = asked;
    if (status == ncclInProgress) std::this_thread::sleep_for(kPollInterval);
  }
  if (status != ncclSuccess) give_up(nccl_failure(function, status, handle_));
}

void NcclGroup::add(const NcclCallPtr& call) {
  bool watched;
  {
    std::lock_guard lock(mutex_);
    call->begun = Clock::now();
    queued_.push_back(call);
    watched = std::exchange(watched_, true);
  }
  if (!watched) watch(shared_from_this());
}

bool NcclGroup::is_idle() const {
  std::lock_guard lock(mutex_);
  return queued_.empty();
}

// Has NCCL found an error? Then the group is ended. While another thread is calling nobody knows: that thread
// sees it, or the next round does.
NcclGroup::State NcclGroup::ask_library(const NcclCall& front) {
  const std::unique_lock lock(calls_mutex_, std::try_to_lock);
  if (!lock) return State::Unknown;
  if (!handle_) return State::Well;
  ncclResult_t status = ncclSuccess;
  const ncclResult_t asked = require_nccl().async_error(handle_, &status);
  if (asked != ncclSuccess) status = asked;
  if (status == ncclSuccess || status == ncclInProgress) return State::Well;
  end(message("{} has failed {} after it began: {}", text_of(front), seconds_text(Clock::now() - front.begun),
              nccl_failure("NCCL", status, handle_)),
      true, false);
  return State::Ended;
}

bool NcclGroup::look() {
  const DeviceGuard guard(device_);
  NcclCallPtr front;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (queued_.empty()) {
        watched_ = false;
        return false;
      }
      front = queued_.front();
    }
    bool passed = false;
    try {
      passed = front->ask();
    } catch (const RuntimeError& error) {
      end(message("{}: {}", text_of(*front), error.what()), true, false);
      continue;
    }
    // Asked after the event: kernels may have left because of an error.
    const State state = ask_library(*front);
    if (state == State::Ended) continue;
    if (!passed) break;
    if (state == State::Unknown) return true;
    std::lock_guard lock(mutex_);
    if (queued_.empty() || queued_.front() != front) continue;
    queued_.pop_front();
    if (!queued_.empty()) queued_.front()->begun = std::max(queued_.front()->begun, Clock::now());
  }
  const Clock::duration waited = Clock::now() - front->begun;
  if (options_.timeout.count() >= 0 && waited > options_.timeout)
    end(message(
            "{} did not come to its end within {}. Another rank has not called it, has called something "
            "else or has died, which NCCL does not tell; the group is ended. Try: compare the calls of the "
            "ranks (their order, shapes and dtypes), NCCL_DEBUG=INFO, or a longer timeout in "
            "init_process_group",
            text_of(*front), seconds_text(waited)),
        true);
  return true;
}

std::exception_ptr NcclGroup::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}
std::exception_ptr NcclGroup::failure_of(const NcclCall& call) const {
  std::lock_guard lock(mutex_);
  return call.failure;
}

void NcclGroup::end(const std::string& why, bool unasked, bool well) {
  {
    std::lock_guard lock(mutex_);
    if (!failure_) {
      failure_ = std::make_exception_ptr(RuntimeError(why));
      if (unasked) report_fault(device_, failure_);
    }
    for (const NcclCallPtr& call : queued_) {
      bool ended = false;
      try {
        ended = well && call->ask();
      } catch (const RuntimeError&) {  // what `why` says
      }
      if (!ended) call->failure = failure_;
    }
    queued_.clear();
    failed_.store(true, std::memory_order_release);
  }
  std::lock_guard lock(calls_mutex_);
  if (!handle_) return;
  const DeviceGuard guard(device_);
  // Its kernels leave; what they would have written is unspecified. Whether that goes well changes nothing.
  require_nccl().abort(std::exchange(handle_, nullptr));
}

void NcclGroup::raise(std::exception_ptr failure) {
  withdraw_fault(device_, failure);
  std::rethrow_exception(std::move(failure));
}

}  // namespace plait::cuda
