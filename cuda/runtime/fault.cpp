#include "cuda/runtime/fault.h"

#include <atomic>
#include <bit>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "cuda/runtime/device.h"

namespace plait::cuda {
namespace {

struct Slot {
  std::atomic<Fault*> device{nullptr};  // the kernels' address of it
  std::atomic<Fault*> host{nullptr};
  std::atomic<bool> reported{false};
  std::vector<std::exception_ptr> reports;  // with reports_mutex()
};
Slot g_slots[kMaxDevices];

std::mutex& reports_mutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

void raise_report(Slot& slot) {
  std::exception_ptr first;
  {
    std::lock_guard lock(reports_mutex());
    if (slot.reports.empty()) return;  // another thread has it
    first = slot.reports.front();
    slot.reports.erase(slot.reports.begin());
    slot.reported.store(!slot.reports.empty(), std::memory_order_relaxed);
  }
  std::rethrow_exception(first);
}

__attribute__((noinline)) Fault* make_slot(int device) {
  check_not_forked();
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  Slot& slot = g_slots[device];
  if (Fault* made = slot.device.load(std::memory_order_relaxed)) return made;
  const RelaxedCapture relaxed;
  void *host = nullptr, *mapped = nullptr;
  check_cuda(cudaHostAlloc(&host, sizeof(Fault), cudaHostAllocMapped | cudaHostAllocPortable));
  check_cuda(cudaHostGetDevicePointer(&mapped, host, 0));
  *static_cast<Fault*>(host) = Fault{};
  slot.host.store(static_cast<Fault*>(host), std::memory_order_release);
  slot.device.store(static_cast<Fault*>(mapped), std::memory_order_release);
  return static_cast<Fault*>(mapped);
}

[[noreturn]] void raise(const Fault& fault) {
  const char* op = fault.op.text() ? fault.op.text() : "cuda";
  switch (static_cast<FaultKind>(fault.kind)) {
    case FaultKind::Index:
    case FaultKind::PositiveIndex: {
      const int64_t low = fault.kind == static_cast<int32_t>(FaultKind::Index) ? -fault.bound : 0;
      if (fault.dim < 0)
        fail<IndexError>("{}: index {} is out of range for a size of {}; expected {} to {}", op, fault.value,
                         fault.bound, low, fault.bound - 1);
      fail<IndexError>("{}: index {} is out of range for dimension {} with size {}; expected {} to {}", op,
                       fault.value, fault.dim, fault.bound, low, fault.bound - 1);
    }
    case FaultKind::Target:
      fail<IndexError>(
          "{}: target {} at position {} is out of range for {} classes (and is not ignore_index)", op,
          fault.value, fault.dim, fault.bound);
    case FaultKind::Class:
      fail<ValueError>("{}: expected classes from 0 to {} for {} classes, got {}; give a larger num_classes",
                       op, fault.bound - 1, fault.bound, fault.value);
    case FaultKind::MaskedSource:
      fail<ValueError>("{}: the mask selects {} elements, source has only {}", op, fault.value, fault.bound);
    case FaultKind::NegativeRepeat:
      fail<ValueError>("{}: expected repeats of 0 or more, got {}", op, fault.value);
    case FaultKind::RepeatSum:
      fail<ValueError>("{}: output_size is {}, the repeats sum to {}", op, fault.bound, fault.value);
    case FaultKind::MaskedValues:
      fail<ValueError>("{}: {} values cannot be broadcast to the {} elements that the mask selects", op,
                       fault.bound, fault.value);
    case FaultKind::Probability:
      fail<ValueError>("{}: expected probabilities between 0 and 1, got {}; use {}_with_logits for logits",
                       op, std::bit_cast<double>(fault.value), op);
    case FaultKind::BernoulliProbability:
      fail<ValueError>("{}: expected probabilities between 0 and 1, got {}", op,
                       std::bit_cast<double>(fault.value));
    case FaultKind::Weight:
      fail<ValueError>("{}: expected finite weights of 0 or more, got {} at index {}", op,
                       std::bit_cast<double>(fault.value), fault.dim);
    case FaultKind::NoWeight: fail<ValueError>("{}: the weights of row {} sum to 0", op, fault.value);
    case FaultKind::FewWeights:
      fail<ValueError>("{}: {} draws without replacement were asked for, but only {} weights are positive",
                       op, fault.bound, fault.value);
    default: break;
  }
  fail<RuntimeError>(
      "{}: ZeroDivisionError: an integer was divided by zero; divide floats, or mask the zeros of other", op);
}

}  // namespace

Fault* fault_slot() {
  const int device = current_device();
  if (Fault* made = g_slots[device].device.load(std::memory_order_acquire)) return made;
  return make_slot(device);
}

// Note [Faults]: a device assertion would kill the context, and with it every tensor of the process. So a
// kernel that meets a bad index skips the access and takes down the first offender in a slot of pinned
// memory: it claims `kind` with a compare-and-swap (atomic among the threads of the device, the only ones to
// claim it), writes the rest and then `ready`. Results of that kernel are unspecified where the index was
// bad.
//
// The host looks whenever it has waited for the device: one load of a word that is in its cache unless a
// kernel wrote it. A kernel of another stream may be between its claim and `ready`; its report is left for
// the next wait. Clearing goes the other way round, `kind` last: whoever claims it next finds the slot empty.
void raise_faults(int device) {
  if (__builtin_expect(g_slots[device].reported.load(std::memory_order_acquire), 0))
    raise_report(g_slots[device]);
  Fault* slot = g_slots[device].host.load(std::memory_order_acquire);
  if (__builtin_expect(!slot || !std::atomic_ref(slot->ready).load(std::memory_order_acquire), 1)) return;
  static std::mutex mutex;  // two threads may have waited
  Fault fault;
  {
    std::lock_guard lock(mutex);
    if (!std::atomic_ref(slot->ready).load(std::memory_order_acquire)) return;
    fault = *slot;
    std::atomic_ref(slot->ready).store(0, std::memory_order_relaxed);
    std::atomic_ref(slot->kind).store(0, std::memory_order_release);
  }
  raise(fault);
}

void report_fault(int device, const std::exception_ptr& fault) {
  std::lock_guard lock(reports_mutex());
  g_slots[device].reports.push_back(fault);
  g_slots[device].reported.store(true, std::memory_order_release);
}

void withdraw_fault(int device, const std::exception_ptr& fault) {
  std::lock_guard lock(reports_mutex());
  std::erase(g_slots[device].reports, fault);
  g_slots[device].reported.store(!g_slots[device].reports.empty(), std::memory_order_relaxed);
}

}  // namespace plait::cuda
