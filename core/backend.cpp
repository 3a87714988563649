#include "core/backend.h"

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "core/error.h"
#include "core/library.h"

namespace plait {
namespace {

constexpr int kDeviceTypes = 6;
std::atomic<DeviceBackend*> g_backends[kDeviceTypes] = {};

// The library's entry: null and a reason where the machine has no device. It attaches the kernels.
using Attach = DeviceBackend* (*)(std::string& reason);

const std::string& load_cuda() {
  static const std::string reason = [] {
    const char* path = std::getenv("PLAIT_CUDA_LIBRARY");
    const LoadedSymbol entry = load_symbol(path && *path ? path : "libplait_cuda.so", "plait_cuda_attach");
    if (!entry.symbol) return "the CUDA library could not be loaded: " + entry.reason;
    std::string why;
    if (DeviceBackend* backend = reinterpret_cast<Attach>(entry.symbol)(why))
      set_backend(DeviceType::CUDA, backend);
    return why;
  }();
  return reason;
}

}  // namespace

DeviceWait::Hooks DeviceWait::hooks = {};

void* native_stream(Device device) {
  const bool has_backend = device.type != DeviceType::CPU && device.type != DeviceType::Meta;
  void* stream = nullptr;
  if (!has_backend || !require_backend(device).find_stream(concrete(device).index, &stream))
    fail<RuntimeError>(
        "current_stream: device '{}' has no streams; ask only in the kernel of a device that has (.cuda)",
        device);
  return stream;
}

void CurrentDevice::enter(Device device) {
  DeviceBackend* backend = find_backend(device.type);
  if (!backend || device.index < 0) return;
  previous_ = backend->exchange_device(device.index);
  if (previous_ != device.index) backend_ = backend;
}

void CurrentDevice::leave() noexcept {
  try {
    backend_->exchange_device(previous_);
  } catch (...) {  // it was current before: only a device that is lost refuses, and the next call says so
  }
}

void set_backend(DeviceType type, DeviceBackend* backend) {
  g_backends[static_cast<int>(type)].store(backend, std::memory_order_release);
}

DeviceBackend* find_backend(DeviceType type) {
  std::atomic<DeviceBackend*>& slot = g_backends[static_cast<int>(type)];
  DeviceBackend* backend = slot.load(std::memory_order_acquire);
  if (!backend && type == DeviceType::CUDA) {
    load_cuda();
    backend = slot.load(std::memory_order_acquire);
  }
  return backend;
}

std::string why_no_backend(DeviceType type) {
  if (find_backend(type)) return {};
  return type == DeviceType::CUDA ? load_cuda() : "no backend is attached on this machine";
}

DeviceBackend& require_backend(Device device) {
  DeviceBackend* backend = find_backend(device.type);
  if (!backend)
    fail<RuntimeError>("device '{}' cannot be used: {}; use device='cpu'", device,
                       why_no_backend(device.type));
  return *backend;
}

Device concrete(Device device) {
  if (device.index >= 0 || device.type == DeviceType::CPU || device.type == DeviceType::Meta) return device;
  if (DeviceBackend* backend = find_backend(device.type))
    device.index = static_cast<int8_t>(backend->current_device());
  return device;
}

}  // namespace plait
