// Devices of the machine, and the one that the calling thread works on.
#pragma once

#include "cuda/runtime/cuda.h"

namespace plait::cuda {

inline constexpr int kMaxDevices = 64;

struct DeviceProperties {
  char name[256];
  int major, minor;  // compute capability
  int multiprocessors;
  int max_threads_per_multiprocessor;
  size_t total_memory;
  size_t shared_memory_per_block;        // without asking
  size_t shared_memory_per_block_optin;  // after cudaFuncSetAttribute
  size_t l2_bytes;
};

int device_count() noexcept;
int current_device() noexcept;  // cached: no driver call
void set_device(int index);     // raises RuntimeError where there is no such device
void check_device(int index);   // the same error
// A device that the process uses already, for what belongs to none: asking CUDA for page-locked memory makes
// a context on the current device, which costs half a gigabyte there.
int used_device() noexcept;
void mark_used(int device) noexcept;
const DeviceProperties& properties(int index);
inline const DeviceProperties& properties() { return properties(current_device()); }

// Lets `device` read and write the memory of `peer`, where the machine can: copies between them then go over
// NVLink or PCIe at once, and not by way of the host. Costs a lookup once it is settled.
bool can_access_peer(int device, int peer);
void enable_peer_access(int device, int peer);

class DeviceGuard {
 public:
  explicit DeviceGuard(int index) : previous_(current_device()) {
    if (__builtin_expect(index != previous_, 0)) set_device(index);
  }
  ~DeviceGuard() {
    if (__builtin_expect(current_device() != previous_, 0)) restore(previous_);
  }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  static void restore(int index) noexcept;
  int previous_;
};

// ---- fork: Note [After fork] in device.cpp

void watch_forks();      // called once, when the library is attached
bool forked() noexcept;  // is this process a child of one that used CUDA?
[[noreturn]] void fail_forked();
inline void check_not_forked() {
  if (__builtin_expect(forked(), 0)) fail_forked();
}

// While a stream of the process is being captured, calls such as cudaMalloc are refused in every thread,
// unless the thread says that it knows what it does.
class RelaxedCapture {
 public:
  RelaxedCapture() noexcept { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace plait::cuda
