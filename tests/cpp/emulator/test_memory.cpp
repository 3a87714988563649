// Device memory: out of the host's reach, filled with what nobody wrote, limited. And errors, ordered ones
// too.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "device.h"

namespace {

__global__ void write_at(int* data, long i) { data[i] = 1; }

// The signal that ended a child process which ran `f`; 0: none did.
template <class F>
int signal_of(F f) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);  // neither the test program's handler nor the emulator's
    f();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

volatile int sink;

}  // namespace

TEST_CASE("the host cannot touch device memory", "[emulator][memory]") {
  DeviceArray<int> data(std::vector<int>{1, 2, 3});
  CHECK(signal_of([] {}) == 0);
  CHECK(signal_of([&] { sink = data.data()[1]; }) == SIGSEGV);
  CHECK(signal_of([&] { data.data()[1] = 5; }) == SIGSEGV);
  // Nor after device work ran.
  CHECK_CUDA(run(write_at, 1, 1, 0, 0, data.data(), 2L));
  CHECK_CUDA(cudaDeviceSynchronize());
  CHECK(data.host() == std::vector<int>{1, 2, 1});
  CHECK(signal_of([&] { sink = data.data()[1]; }) == SIGSEGV);
}

TEST_CASE("a forked child cannot use the device", "[emulator][memory]") {
  DeviceArray<int> data(1);
  CHECK(signal_of([] {
          void* memory;
          _exit(cudaMalloc(&memory, 8) == cudaErrorInitializationError ? 7 : 8);
        }) == 7);
}

TEST_CASE("fresh memory is not zero", "[emulator][memory]") {
  DeviceArray<uint32_t> data(100);
  CHECK(data.host() == std::vector<uint32_t>(100, 0x7F7F7F7Fu));
  CHECK_CUDA(cudaMemset(data.data(), 0, 400));
  CHECK(data.host()[99] == 0);
  uint32_t* pinned;
  CHECK_CUDA(cudaMallocHost(&pinned, 8));
  CHECK(pinned[1] == 0x7F7F7F7Fu);
  CHECK_CUDA(cudaFreeHost(pinned));
}

TEST_CASE("memory is limited and counted", "[emulator][memory]") {
  size_t free_before, free_after, total;
  CHECK_CUDA(cudaMemGetInfo(&free_before, &total));
  CHECK(total == size_t(1) << 30);
  const uint64_t used = counted(PlaitEmulatorBytes), mallocs = counted(PlaitEmulatorMallocs);
  char *a, *b = nullptr;
  CHECK_CUDA(cudaMalloc(&a, 1000));
  CHECK(reinterpret_cast<uintptr_t>(a) % 256 == 0);
  CHECK(counted(PlaitEmulatorBytes) == used + 1024);
  CHECK(counted(PlaitEmulatorMallocs) == mallocs + 1);
  CHECK_CUDA(cudaMemGetInfo(&free_after, &total));
  CHECK(free_after == free_before - 1024);
  CHECK(plait_emulator_set_memory(0, (size_t(1) << 30) - free_after + 2048) == 0);
  CHECK(cudaMalloc(&b, 4096) == cudaErrorMemoryAllocation);
  CHECK(b == nullptr);
  CHECK(cudaMalloc(&b, ~size_t(0)) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK_CUDA(cudaMalloc(&b, 2048));
  CHECK_CUDA(cudaFree(b));
  CHECK(plait_emulator_set_memory(0, size_t(1) << 30) == 0);
  CHECK(plait_emulator_set_memory(5, 1) == -1);
  CHECK_CUDA(cudaFree(a));
  CHECK(cudaFree(a) == cudaErrorInvalidValue);
  CHECK(cudaFree(&total) == cudaErrorInvalidValue);
  CHECK_CUDA(cudaFree(nullptr));
  CHECK_CUDA(cudaMalloc(&a, 0));
  CHECK(a == nullptr);
  CHECK(counted(PlaitEmulatorBytes) == used);
  cudaGetLastError();
}

TEST_CASE("freed memory is used again, whole", "[emulator][memory]") {
  void* blocks[4];
  for (void*& block : blocks) CHECK_CUDA(cudaMalloc(&block, 10000));
  for (void* block : {blocks[1], blocks[3], blocks[2], blocks[0]}) CHECK_CUDA(cudaFree(block));
  void* large;
  CHECK_CUDA(cudaMalloc(&large, 40000));
  CHECK(large == blocks[0]);
  CHECK_CUDA(cudaFree(large));
}

TEST_CASE("writing past the end of a block, or after it was freed, is noticed", "[emulator][memory]") {
  for (int past = 0; past < 2; ++past) {
    DeviceArray<int> data(10);
    CHECK_CUDA(run(write_at, 1, 1, 0, 0, data.data(), 9L + past));
    CHECK(cudaDeviceSynchronize() == (past ? cudaErrorIllegalAddress : cudaSuccess));
  }
  CHECK_CUDA(cudaDeviceReset());
  DeviceArray<int> data(10);  // a kernel is not given what is not allocated, but may come there
  int* freed;
  CHECK_CUDA(cudaMalloc(&freed, 4096));
  CHECK_CUDA(cudaFree(freed));
  CHECK_CUDA(run(write_at, 1, 1, 0, 0, data.data(), long(freed - data.data()) + 5));
  CHECK_CUDA(cudaDeviceSynchronize());
  CHECK(cudaMalloc(&freed, 4096) == cudaErrorIllegalAddress);
  CHECK_CUDA(cudaDeviceReset());
  cudaGetLastError();
}

TEST_CASE("pinned and registered memory", "[emulator][memory]") {
  int* pinned;
  CHECK_CUDA(cudaHostAlloc(&pinned, 64, cudaHostAllocMapped));
  int* device;
  CHECK_CUDA(cudaHostGetDevicePointer(&device, pinned, 0));
  CHECK_CUDA(run(write_at, 1, 1, 0, 0, device, 3L));
  CHECK(pinned[3] != 1);
  CHECK_CUDA(cudaDeviceSynchronize());
  CHECK(pinned[3] == 1);
  cudaPointerAttributes attributes;
  CHECK_CUDA(cudaPointerGetAttributes(&attributes, pinned + 2));
  CHECK(attributes.type == cudaMemoryTypeHost);
  CHECK_CUDA(cudaFreeHost(pinned));
  CHECK(cudaFreeHost(pinned) == cudaErrorInvalidValue);
  std::vector<int> own(100);
  CHECK_CUDA(cudaPointerGetAttributes(&attributes, own.data()));
  CHECK(attributes.type == cudaMemoryTypeUnregistered);
  CHECK_CUDA(cudaHostRegister(own.data(), 400, cudaHostRegisterDefault));
  CHECK(cudaHostRegister(own.data() + 50, 8, cudaHostRegisterDefault) ==
        cudaErrorHostMemoryAlreadyRegistered);
  CHECK_CUDA(cudaPointerGetAttributes(&attributes, own.data()));
  CHECK(attributes.type == cudaMemoryTypeHost);
  CHECK_CUDA(cudaHostUnregister(own.data()));
  CHECK(cudaHostUnregister(own.data()) == cudaErrorHostMemoryNotRegistered);
  cudaGetLastError();
}

TEST_CASE("failures come when they were ordered", "[emulator][errors]") {
  char* memory;
  CHECK(plait_emulator_fail_after("cudaMalloc", 2, cudaErrorMemoryAllocation) == 0);
  CHECK_CUDA(cudaMalloc(&memory, 16));
  CHECK_CUDA(cudaFree(memory));
  CHECK(cudaMalloc(&memory, 16) == cudaErrorMemoryAllocation);
  CHECK_CUDA(cudaMalloc(&memory, 16));
  CHECK_CUDA(cudaFree(memory));
  CHECK(plait_emulator_fail_after("cudaMalloc", 1, cudaErrorMemoryAllocation) == 0);
  CHECK(plait_emulator_fail_after("cudaMalloc", 0, 0) == 0);
  CHECK_CUDA(cudaMalloc(&memory, 16));
  CHECK_CUDA(cudaFree(memory));
  CHECK(plait_emulator_fail_after(nullptr, 1, 1) == -1);
  CHECK(plait_emulator_fail_after("cudaMalloc", 1, 0) == -1);
  cudaGetLastError();
}

TEST_CASE("an error that ends the context stays", "[emulator][errors]") {
  DeviceArray<int> data(std::vector<int>{0});
  CHECK(plait_emulator_fail_after("cudaLaunchKernel", 1, cudaErrorIllegalAddress) == 0);
  CHECK(run(write_at, 1, 1, 0, 0, data.data(), 0L) == cudaErrorIllegalAddress);
  void* memory;
  CHECK(cudaMalloc(&memory, 16) == cudaErrorIllegalAddress);
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaPeekAtLastError() == cudaErrorIllegalAddress);
  CHECK_CUDA(cudaSetDevice(1));  // the other device goes on
  CHECK_CUDA(cudaMalloc(&memory, 16));
  CHECK_CUDA(cudaFree(memory));
  CHECK_CUDA(cudaSetDevice(0));
  CHECK_CUDA(cudaDeviceReset());
  cudaGetLastError();
  CHECK_CUDA(cudaMalloc(&memory, 16));
  CHECK_CUDA(cudaFree(memory));
  CHECK(std::strcmp(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress") == 0);
  CHECK(std::strcmp(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory") == 0);
  CHECK(std::strcmp(cudaGetErrorName(cudaError_t(12345)), "unrecognized error code") == 0);
}
