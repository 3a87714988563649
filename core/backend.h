// What core asks of a device other than the CPU: memory, and which device of several is the current one. The
// CUDA library is loaded when it is asked for the first time; outside backends announce themselves.
#pragma once

#include "core/storage.h"

namespace plait {

class PLAIT_API DeviceBackend {
 public:
  virtual ~DeviceBackend() = default;
  // At least 64-byte aligned. `device` is concrete: it has an index where the backend has indices. Raises
  // OutOfMemoryError.
  virtual Storage allocate(size_t bytes, Device device) = 0;
  // The calling thread's current device; -1 where the backend has a single one without an index.
  virtual int current_device() { return -1; }
  // Makes a device the calling thread's current one; returns which was before.
  virtual int exchange_device(int device) { return device; }
  // See `native_stream`; false where its devices have no such thing.
  virtual bool find_stream(int, void**) { return false; }
};

// Null where there is none on this machine; `why_no_backend` says why.
PLAIT_API DeviceBackend* find_backend(DeviceType type);
PLAIT_API std::string why_no_backend(DeviceType type);
PLAIT_API DeviceBackend& require_backend(Device device);  // raises RuntimeError
// It must live for ever: storages outlast everything.
PLAIT_API void set_backend(DeviceType type, DeviceBackend* backend);

// The queue that the calling thread's work for a device goes to, as the device's own API names it: of CUDA a
// cudaStream_t. Raises RuntimeError where a device has no such thing, as the CPU.
PLAIT_API void* native_stream(Device device);

// While a kernel that plait did not write runs: its device is the current one.
class PLAIT_API CurrentDevice {
 public:
  explicit CurrentDevice(Device device) {
    if (device.type != DeviceType::CPU && device.type != DeviceType::Meta) enter(device);
  }
  ~CurrentDevice() {
    if (__builtin_expect(backend_ != nullptr, 0)) leave();
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  void enter(Device device);
  void leave() noexcept;
  DeviceBackend* backend_ = nullptr;  // where there is something to go back to
  int previous_ = -1;
};

// Stands around every wait of the host for a device. The Python bindings give up the GIL meanwhile, where the
// thread holds it: so other threads run whatever the op is that waits. The thread must hold no lock that
// another one may ask for while it holds the GIL.
class PLAIT_API DeviceWait {
 public:
  struct Hooks {
    void* (*begin)();  // null: there is nothing to end
    void (*end)(void*);
  };
  DeviceWait() : state_(hooks.begin ? hooks.begin() : nullptr) {}
  ~DeviceWait() {
    if (state_) hooks.end(state_);
  }
  DeviceWait(const DeviceWait&) = delete;
  DeviceWait& operator=(const DeviceWait&) = delete;
  static Hooks hooks;  // set once, when the bindings are loaded

 private:
  void* state_;
};

// "cuda" becomes "cuda:0" where device 0 is the current one. A device without a backend stays as it is.
PLAIT_API Device concrete(Device device);

}  // namespace plait
