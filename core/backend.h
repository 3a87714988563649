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
};

// Null where there is none on this machine; `why_no_backend` says why.
PLAIT_API DeviceBackend* find_backend(DeviceType type);
PLAIT_API std::string why_no_backend(DeviceType type);
PLAIT_API DeviceBackend& require_backend(Device device);  // raises RuntimeError
// It must live for ever: storages outlast everything.
PLAIT_API void set_backend(DeviceType type, DeviceBackend* backend);

// "cuda" becomes "cuda:0" where device 0 is the current one. A device without a backend stays as it is.
PLAIT_API Device concrete(Device device);

}  // namespace plait
