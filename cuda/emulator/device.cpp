#include "device.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "api.h"
#include "graphs.h"

namespace emulator {

namespace {

thread_local int current = 0;

size_t number_from(const char* variable, size_t otherwise) {
  const char* text = std::getenv(variable);
  return text && *text ? size_t(std::strtoull(text, nullptr, 0)) : otherwise;
}

struct Devices {
  int count;
  Device* all[kMaxDevices];
};

Devices& devices() {
  static Devices& it = *[] {
    auto* made = new Devices;
    made->count = int(std::min(number_from("PLAIT_CUDA_EMULATOR_DEVICES", 2), size_t(kMaxDevices)));
    for (int i = 0; i < made->count; ++i) {
      made->all[i] = new Device(i);
      made->all[i]->arena.total = number_from("PLAIT_CUDA_EMULATOR_MEMORY", 1ull << 30);
    }
    return made;
  }();
  return it;
}

bool exists(int index) { return index >= 0 && index < device_count(); }

constexpr int kIntMax = 0x7fffffff;

}  // namespace

Device::Device(int number) : index(number) { null_stream.device = number; }

int device_count() { return devices().count; }
Device& device(int index) { return *devices().all[index]; }
Device& current_device() { return device(current); }

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetDeviceCount(int* count) {
  return api("cudaGetDeviceCount", Rule::Always, [&](Lock&) {
    if (!count) return cudaErrorInvalidValue;
    *count = device_count();
    return *count ? cudaSuccess : cudaErrorNoDevice;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return api("cudaGetDevice", Rule::Always, [&](Lock&) {
    if (!device) return cudaErrorInvalidValue;
    if (device_count() == 0) return cudaErrorNoDevice;
    *device = current;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return api("cudaSetDevice", Rule::Always, [&](Lock&) {
    if (device_count() == 0) return cudaErrorNoDevice;
    if (!exists(device)) return cudaErrorInvalidDevice;
    current = device;
    return cudaSuccess;
  });
}

cudaError_t cudaInitDevice(int device, unsigned int, unsigned int) {
  return api("cudaInitDevice", Rule::Always,
             [&](Lock&) { return exists(device) ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaSetDeviceFlags(unsigned int) {
  return api("cudaSetDeviceFlags", Rule::Normal, [](Lock&) { return cudaSuccess; });
}

cudaError_t cudaGetDeviceFlags(unsigned int* flags) {
  return api("cudaGetDeviceFlags", Rule::Normal, [&](Lock&) {
    if (!flags) return cudaErrorInvalidValue;
    *flags = cudaDeviceMapHost;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  return api("cudaGetDeviceProperties", Rule::Always, [&](Lock&) {
    if (!properties) return cudaErrorInvalidValue;
    if (!exists(index)) return cudaErrorInvalidDevice;
    cudaDeviceProp& p = *properties;
    std::memset(&p, 0, sizeof p);
    std::snprintf(p.name, sizeof p.name, "Emulated H200");
    p.uuid.bytes[15] = char(index + 1);
    p.totalGlobalMem = device(index).arena.total;
    p.sharedMemPerBlock = kSharedPerBlock;
    p.regsPerBlock = p.regsPerMultiprocessor = 65536;
    p.warpSize = 32;
    p.memPitch = size_t(kIntMax);
    p.maxThreadsPerBlock = kMaxThreadsPerBlock;
    p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
    p.maxThreadsDim[2] = 64;
    p.maxGridSize[0] = kIntMax;
    p.maxGridSize[1] = p.maxGridSize[2] = 65535;
    p.totalConstMem = 65536;
    p.major = 9;
    p.textureAlignment = p.surfaceAlignment = 512;
    p.texturePitchAlignment = 32;
    p.multiProcessorCount = kMultiprocessors;
    p.canMapHostMemory = p.concurrentKernels = p.ECCEnabled = p.unifiedAddressing = 1;
    p.pciBusID = index + 1;
    p.asyncEngineCount = 3;
    p.memoryBusWidth = 6144;
    p.l2CacheSize = int(kL2Bytes);
    p.persistingL2CacheMaxSize = int(kL2Bytes * 5 / 8);
    p.maxThreadsPerMultiProcessor = kMaxThreadsPerMultiprocessor;
    p.streamPrioritiesSupported = p.globalL1CacheSupported = p.localL1CacheSupported = 1;
    p.sharedMemPerMultiprocessor = kSharedPerMultiprocessor;
    p.managedMemory = 0;
    p.hostRegisterSupported = 1;
    p.sharedMemPerBlockOptin = kSharedPerBlockOptin;
    p.maxBlocksPerMultiProcessor = kMaxBlocksPerMultiprocessor;
    p.reservedSharedMemPerBlock = kSharedReserved;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  return api("cudaDeviceGetAttribute", Rule::Always, [&](Lock&) {
    if (!value) return cudaErrorInvalidValue;
    if (!exists(index)) return cudaErrorInvalidDevice;
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
      case cudaDevAttrMaxBlockDimX:
      case cudaDevAttrMaxBlockDimY: *value = kMaxThreadsPerBlock; break;
      case cudaDevAttrMaxBlockDimZ: *value = 64; break;
      case cudaDevAttrMaxGridDimX: *value = kIntMax; break;
      case cudaDevAttrMaxGridDimY:
      case cudaDevAttrMaxGridDimZ: *value = 65535; break;
      case cudaDevAttrMaxSharedMemoryPerBlock: *value = int(kSharedPerBlock); break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(kSharedPerBlockOptin); break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = int(kSharedPerMultiprocessor); break;
      case cudaDevAttrReservedSharedMemoryPerBlock: *value = int(kSharedReserved); break;
      case cudaDevAttrTotalConstantMemory:
      case cudaDevAttrMaxRegistersPerBlock:
      case cudaDevAttrMaxRegistersPerMultiprocessor: *value = 65536; break;
      case cudaDevAttrWarpSize: *value = 32; break;
      case cudaDevAttrClockRate: *value = 1980000; break;
      case cudaDevAttrMemoryClockRate: *value = 3201000; break;
      case cudaDevAttrGlobalMemoryBusWidth: *value = 6144; break;
      case cudaDevAttrMultiProcessorCount: *value = kMultiprocessors; break;
      case cudaDevAttrMaxThreadsPerMultiProcessor: *value = kMaxThreadsPerMultiprocessor; break;
      case cudaDevAttrMaxBlocksPerMultiprocessor: *value = kMaxBlocksPerMultiprocessor; break;
      case cudaDevAttrL2CacheSize: *value = int(kL2Bytes); break;
      case cudaDevAttrMaxPersistingL2CacheSize: *value = int(kL2Bytes * 5 / 8); break;
      case cudaDevAttrAsyncEngineCount: *value = 3; break;
      case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
      case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
      case cudaDevAttrPciBusId: *value = index + 1; break;
      case cudaDevAttrCanMapHostMemory:
      case cudaDevAttrGpuOverlap:
      case cudaDevAttrConcurrentKernels:
      case cudaDevAttrEccEnabled:
      case cudaDevAttrUnifiedAddressing:
      case cudaDevAttrStreamPrioritiesSupported:
      case cudaDevAttrHostRegisterSupported: *value = 1; break;
      default: *value = 0;  // what is not emulated is not supported
    }
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int index) {
  return api("cudaDeviceGetPCIBusId", Rule::Always, [&](Lock&) {
    if (!text || length < 13) return cudaErrorInvalidValue;
    if (!exists(index)) return cudaErrorInvalidDevice;
    std::snprintf(text, size_t(length), "0000:%02X:00.0", index + 1);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api("cudaDeviceSynchronize", Rule::Unsafe, [](Lock& lock) {
    const cudaError_t refused = refuse_device_wait(current_device().index);
    return refused == cudaSuccess ? wait_device(lock, current_device()) : refused;
  });
}

cudaError_t cudaDeviceReset() {
  return api("cudaDeviceReset", Rule::Always, [](Lock& lock) {
    if (device_count() == 0) return cudaErrorNoDevice;
    Device& device = current_device();
    if (device.failure == cudaSuccess) wait_device(lock, device);
    drop_streams(device);
    release_all(device.index);
    device.peers = 0;
    device.failure = cudaSuccess;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSetLimit(cudaLimit limit, size_t) {
  return api("cudaDeviceSetLimit", Rule::Normal, [&](Lock&) {
    return limit <= cudaLimitPersistingL2CacheSize ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaDeviceGetLimit(size_t* value, cudaLimit limit) {
  return api("cudaDeviceGetLimit", Rule::Normal, [&](Lock&) {
    if (!value) return cudaErrorInvalidValue;
    switch (limit) {
      case cudaLimitStackSize: *value = 1024; return cudaSuccess;
      case cudaLimitPrintfFifoSize: *value = 7 << 20; return cudaSuccess;
      case cudaLimitMallocHeapSize: *value = 8 << 20; return cudaSuccess;
      default: return cudaErrorUnsupportedLimit;
    }
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return api("cudaDeviceGetStreamPriorityRange", Rule::Normal, [&](Lock&) {
    if (least) *least = kLeastPriority;
    if (greatest) *greatest = kGreatestPriority;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int index, int peer) {
  return api("cudaDeviceCanAccessPeer", Rule::Normal, [&](Lock&) {
    if (!can) return cudaErrorInvalidValue;
    if (!exists(index) || !exists(peer)) return cudaErrorInvalidDevice;
    *can = index != peer;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned int flags) {
  return api("cudaDeviceEnablePeerAccess", Rule::Normal, [&](Lock&) {
    if (flags != 0) return cudaErrorInvalidValue;
    if (!exists(peer) || peer == current) return cudaErrorInvalidDevice;
    if (current_device().peers >> peer & 1) return cudaErrorPeerAccessAlreadyEnabled;
    current_device().peers |= 1ull << peer;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
  return api("cudaDeviceDisablePeerAccess", Rule::Normal, [&](Lock& lock) {
    if (!exists(peer) || peer == current) return cudaErrorInvalidDevice;
    if (!(current_device().peers >> peer & 1)) return cudaErrorPeerAccessNotEnabled;
    const cudaError_t waited = wait_device(lock, current_device());
    current_device().peers &= ~(1ull << peer);
    return waited;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  return api("cudaDriverGetVersion", Rule::Always, [&](Lock&) {
    if (!version) return cudaErrorInvalidValue;
    *version = CUDART_VERSION;
    return cudaSuccess;
  });
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return api("cudaRuntimeGetVersion", Rule::Always, [&](Lock&) {
    if (!version) return cudaErrorInvalidValue;
    *version = CUDART_VERSION;
    return cudaSuccess;
  });
}
