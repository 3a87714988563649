// Arrays in emulated device memory, and what every test of the emulator starts from.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "catch.h"
#include "emulator/control.h"

#define CHECK_CUDA(call) REQUIRE((call) == cudaSuccess)

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t n) : size_(n) { CHECK_CUDA(cudaMalloc(&data_, n * sizeof(T))); }
  DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    CHECK_CUDA(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  size_t size() const { return size_; }
  std::vector<T> host() const {
    std::vector<T> values(size_);
    CHECK_CUDA(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

// As plait's own launch(): the kernel's arguments by value.
template <class... P, class... A>
cudaError_t run(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... args) {
  return emulator::launch(kernel, grid, block, shared, stream, static_cast<P>(args)...);
}

inline uint64_t counted(PlaitEmulatorCounter which) {
  uint64_t values[PlaitEmulatorCounterCount];
  plait_emulator_counters(values, PlaitEmulatorCounterCount);
  return values[which];
}
