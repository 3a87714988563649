// The frame of every function of the runtime: one lock, ordered failures, errors that stay, the thread's last
// error.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "cuda_runtime_api.h"
#include "emulator/control.h"

namespace emulator {

using Lock = std::unique_lock<std::mutex>;

// When a function may be called.
enum class Rule {
  Always,  // even after an error that ended the device's context
  Normal,
  Unsafe,  // not while a stream is being captured, where the capture's mode forbids it
};

std::mutex& mutex();
std::condition_variable& progressed();  // some queued work was done

// What must hold before the body of `name` runs; anything but cudaSuccess is what the call returns.
cudaError_t enter(const char* name, Rule rule);
// Closes device memory, notes the thread's last error and returns it.
cudaError_t leave(cudaError_t status);

// Runs `body(lock)` as the runtime's function `name`.
template <class Body>
cudaError_t api(const char* name, Rule rule, Body body) {
  Lock lock(mutex());
  const cudaError_t status = enter(name, rule);
  return leave(status == cudaSuccess ? body(lock) : status);
}

// Whether the error ends the context: every later call on the device returns it.
bool is_sticky(cudaError_t error);

uint64_t& counter(PlaitEmulatorCounter which);
uint64_t random_bits();

// Set while cudaLaunchHostFunc's function runs on this thread: it may not call the runtime.
extern thread_local bool in_host_function;

}  // namespace emulator
