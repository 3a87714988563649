#include "api.h"

#include <pthread.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "device.h"
#include "emulator/launch.h"
#include "graphs.h"
#include "memory.h"

namespace emulator {

namespace {

struct Order {
  int calls_left;
  cudaError_t error;
};

// Leaked on purpose: other libraries' destructors may call the runtime while the process ends.
struct State {
  std::mutex mutex;
  std::condition_variable progressed;
  std::map<std::string, std::vector<Order>> orders;
  uint64_t counters[PlaitEmulatorCounterCount] = {};
  uint64_t random = 1;
  bool used = false, forked = false;
};

State& state() {
  static State& it = *[] {
    auto* made = new State;
    const char* seed = std::getenv("PLAIT_CUDA_EMULATOR_SEED");
    if (seed) made->random = std::strtoull(seed, nullptr, 0);
    // A child of a process that used the device cannot use it, as with CUDA.
    pthread_atfork(nullptr, nullptr, [] { state().forked = state().used; });
    return made;
  }();
  return it;
}

thread_local cudaError_t last_error = cudaSuccess;

cudaError_t take_order(const char* name) {
  State& s = state();
  if (s.orders.empty()) return cudaSuccess;
  const auto found = s.orders.find(name);
  if (found == s.orders.end()) return cudaSuccess;
  cudaError_t error = cudaSuccess;
  std::vector<Order> left;
  for (Order order : found->second) {
    if (--order.calls_left == 0)
      error = order.error;
    else
      left.push_back(order);
  }
  if (left.empty())
    s.orders.erase(found);
  else
    found->second = left;
  return error;
}

}  // namespace

thread_local bool in_host_function = false;

std::mutex& mutex() { return state().mutex; }
std::condition_variable& progressed() { return state().progressed; }
uint64_t& counter(PlaitEmulatorCounter which) { return state().counters[which]; }

uint64_t random_bits() {  // SplitMix64
  uint64_t z = state().random += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure: return true;
    default: return false;
  }
}

cudaError_t enter(const char* name, Rule rule) {
  State& s = state();
  s.used = true;
  if (s.forked) return cudaErrorInitializationError;
  if (in_host_function) return cudaErrorNotPermitted;
  const cudaError_t ordered = take_order(name);
  if (ordered != cudaSuccess) {
    if (is_sticky(ordered) && device_count() > 0) current_device().failure = ordered;
    return ordered;
  }
  if (rule == Rule::Always) return cudaSuccess;
  if (device_count() == 0) return cudaErrorNoDevice;
  if (current_device().failure != cudaSuccess) return current_device().failure;
  return rule == Rule::Unsafe ? refuse_in_capture() : cudaSuccess;
}

cudaError_t ordered_failure(const char* name) {
  Lock lock(mutex());
  return take_order(name);
}

cudaError_t leave(cudaError_t status) {
  close_memory();
  if (status != cudaSuccess) last_error = status;
  return status;
}

namespace {

// An error that ended the context is never forgotten.
cudaError_t peek(bool forget) {
  Lock lock(mutex());
  if (device_count() > 0 && current_device().failure != cudaSuccess) return current_device().failure;
  const cudaError_t status = last_error;
  if (forget) last_error = cudaSuccess;
  return status;
}

}  // namespace

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetLastError() { return peek(true); }
cudaError_t cudaPeekAtLastError() { return peek(false); }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define EMULATOR_ERROR(name, value, text) \
  case name:                              \
    return #name;
#include "emulator/errors.inc"
#undef EMULATOR_ERROR
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define EMULATOR_ERROR(name, value, text) \
  case name:                              \
    return text;
#include "emulator/errors.inc"
#undef EMULATOR_ERROR
  }
  return "unrecognized error code";
}

int plait_emulator_fail_after(const char* api, int nth, int error) {
  if (!api || nth < 0 || (nth > 0 && error == cudaSuccess)) return -1;
  Lock lock(mutex());
  if (nth == 0)
    state().orders.erase(api);
  else
    state().orders[api].push_back({nth, cudaError_t(error)});
  return 0;
}

int plait_emulator_set_memory(int device, size_t bytes) {
  Lock lock(mutex());
  if (device < 0 || device >= device_count()) return -1;
  emulator::device(device).arena.total = bytes;
  return 0;
}

void plait_emulator_set_seed(uint64_t seed) {
  Lock lock(mutex());
  state().random = seed;
}

int plait_emulator_counters(uint64_t* values, int count) {
  Lock lock(mutex());
  for (int i = 0; i < count && i < PlaitEmulatorCounterCount; ++i) values[i] = state().counters[i];
  return PlaitEmulatorCounterCount;
}

void plait_emulator_count(int which) {
  Lock lock(mutex());
  if (which >= 0 && which < PlaitEmulatorCounterCount) ++state().counters[which];
}

void plait_emulator_reset_counters(void) {
  Lock lock(mutex());
  for (int i = 0; i < PlaitEmulatorCounterCount; ++i)
    if (i != PlaitEmulatorBytes) state().counters[i] = 0;
  counter(PlaitEmulatorPeakBytes) = counter(PlaitEmulatorBytes);
}
