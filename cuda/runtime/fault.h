// What kernels report instead of trapping. Note [Faults] in runtime/fault.cpp.
#pragma once

#include <cstdint>
#include <exception>

namespace plait::cuda {

enum class FaultKind : int32_t {
  None,
  Index,                 // valid: -bound <= value < bound
  ZeroDivision,          // of an integer
  PositiveIndex,         // valid: 0 <= value < bound
  Target,                // a class of cross-entropy, at position `dim`; valid: 0 <= value < bound
  Class,                 // of one_hot; valid: 0 <= value < bound
  MaskedSource,          // a mask selects `value` elements; the source has `bound`, which are too few
  MaskedValues,          // ... which must be as many
  NegativeRepeat,        // `value`
  RepeatSum,             // `value`; `bound` was expected
  Probability,           // of binary_cross_entropy; `value` is a double's bits
  BernoulliProbability,  // the same, of a random op
  Weight,                // of multinomial; `value`: a double's bits, negative or not finite, at index `dim`
  NoWeight,              // row `value` has none that is positive
  FewWeights,            // a row has `value` positive ones, fewer than the `bound` draws without replacement
};

// An op's name, as kernels pass it on to a report: the address of a string of the host that lives for ever.
// No kernel could read there, so it is kept as the complement, which is nobody's address. Made on the host
// alone: a literal in a kernel lies in the device's memory.
struct OpName {
  uint64_t hidden = ~uint64_t{0};

  OpName() = default;
  OpName(const char* name) : hidden(~static_cast<uint64_t>(reinterpret_cast<uintptr_t>(name))) {}
  const char* text() const { return reinterpret_cast<const char*>(static_cast<uintptr_t>(~hidden)); }
};

// In pinned memory that the device can write. The first offender is kept.
struct Fault {
  int32_t kind;   // FaultKind; claimed by the first with a compare-and-swap
  int32_t ready;  // set after the rest is written
  int64_t value;  // the index
  int64_t bound;  // valid: -bound <= value < bound
  OpName op;
  int64_t dim;  // the dimension that was indexed; -1: none
};

// Where kernels launched now on the current device report. A device pointer.
Fault* fault_slot();

// Called wherever the host has just waited for the device: raises IndexError or RuntimeError and clears the
// slot.
void raise_faults(int device);

// Work of the device did not come to its end, though the device is well: a collective that was given up.
// Raised once by `raise_faults`, unless it is withdrawn since somebody was told.
void report_fault(int device, const std::exception_ptr& fault);
void withdraw_fault(int device, const std::exception_ptr& fault);

}  // namespace plait::cuda
