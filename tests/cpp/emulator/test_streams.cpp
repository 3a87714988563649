// Streams, events and copies: nothing runs before somebody waits, and order is no more than what was asked
// for.
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include "device.h"

namespace {

__global__ void add(int* data, int n, int value) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) data[i] += value;
}
__global__ void write(int* data, int value) { *data = value; }
__global__ void append(int* data, int* count, int value) { data[(*count)++] = value; }
__global__ void copy_one(int* to, const int* from) { *to = *from; }

cudaStream_t make_stream(unsigned flags = cudaStreamNonBlocking) {
  cudaStream_t stream;
  CHECK_CUDA(cudaStreamCreateWithFlags(&stream, flags));
  return stream;
}
cudaEvent_t make_event(unsigned flags = cudaEventDefault) {
  cudaEvent_t event;
  CHECK_CUDA(cudaEventCreateWithFlags(&event, flags));
  return event;
}

struct Pinned {
  int* data;
  explicit Pinned(size_t n) { CHECK_CUDA(cudaMallocHost(&data, n * sizeof(int))); }
  ~Pinned() { cudaFreeHost(data); }
};

void note(void* p) { ++*static_cast<std::atomic<int>*>(p); }

}  // namespace

TEST_CASE("kernels run when somebody waits, not before", "[emulator][streams]") {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t stream = make_stream();
  const uint64_t before = counted(PlaitEmulatorKernels);
  CHECK_CUDA(run(add, 1, 1, 0, stream, data.data(), 1, 5));
  CHECK(counted(PlaitEmulatorKernels) == before);
  CHECK(cudaStreamQuery(stream) == cudaSuccess);  // a query lets one piece of work run
  CHECK(counted(PlaitEmulatorKernels) == before + 1);
  for (int i = 0; i < 3; ++i) CHECK_CUDA(run(add, 1, 1, 0, stream, data.data(), 1, 5));
  CHECK(cudaStreamQuery(stream) == cudaErrorNotReady);
  CHECK(cudaGetLastError() == cudaErrorNotReady);
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(data.host()[0] == 21);
  CHECK_CUDA(cudaStreamDestroy(stream));
  CHECK(cudaStreamSynchronize(stream) == cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST_CASE("a copy without a wait gives old values", "[emulator][streams]") {
  DeviceArray<int> data(std::vector<int>{1});
  Pinned host(1);
  const cudaStream_t stream = make_stream();
  host.data[0] = -1;
  CHECK_CUDA(run(add, 1, 1, 0, stream, data.data(), 1, 5));
  CHECK_CUDA(cudaMemcpyAsync(host.data, data.data(), 4, cudaMemcpyDeviceToHost, stream));
  CHECK(host.data[0] == -1);
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(host.data[0] == 6);
  // Pinned memory is read when the copy runs: too late for what was there at the call.
  host.data[0] = 7;
  CHECK_CUDA(cudaMemcpyAsync(data.data(), host.data, 4, cudaMemcpyHostToDevice, stream));
  host.data[0] = 8;
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(data.host()[0] == 8);
  // Pageable memory is read at the call, and written before it returns.
  int pageable = 9;
  CHECK_CUDA(cudaMemcpyAsync(data.data(), &pageable, 4, cudaMemcpyHostToDevice, stream));
  pageable = 10;
  CHECK_CUDA(cudaMemcpyAsync(&pageable, data.data(), 4, cudaMemcpyDeviceToHost, stream));
  CHECK(pageable == 9);
  CHECK_CUDA(cudaStreamDestroy(stream));
}

TEST_CASE("streams without an event between them run in any order", "[emulator][streams]") {
  std::set<int> results;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    plait_emulator_set_seed(seed);
    DeviceArray<int> data(std::vector<int>{0});
    const cudaStream_t a = make_stream(), b = make_stream();
    CHECK_CUDA(run(write, 1, 1, 0, a, data.data(), 1));
    CHECK_CUDA(run(write, 1, 1, 0, b, data.data(), 2));
    CHECK_CUDA(cudaStreamSynchronize(b));
    CHECK_CUDA(cudaStreamSynchronize(a));
    results.insert(data.host()[0]);
  }
  CHECK(results == std::set<int>{1, 2});
}

TEST_CASE("an event orders streams", "[emulator][streams]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    plait_emulator_set_seed(seed);
    DeviceArray<int> data(std::vector<int>{0, 0});
    const cudaStream_t a = make_stream(), b = make_stream();
    const cudaEvent_t event = make_event(cudaEventDisableTiming);
    for (int i = 0; i < 5; ++i) CHECK_CUDA(run(add, 1, 1, 0, a, data.data(), 1, 1));
    CHECK_CUDA(cudaEventRecord(event, a));
    CHECK_CUDA(run(add, 1, 1, 0, a, data.data(), 1, 100));
    CHECK_CUDA(cudaStreamWaitEvent(b, event));
    CHECK_CUDA(run(copy_one, 1, 1, 0, b, data.data() + 1, data.data()));
    CHECK_CUDA(cudaStreamSynchronize(b));
    int copied;
    CHECK_CUDA(cudaMemcpy(&copied, data.data() + 1, 4, cudaMemcpyDeviceToHost));
    REQUIRE((copied == 5 || copied == 105));
    CHECK_CUDA(cudaEventDestroy(event));
  }
}

TEST_CASE("the legacy stream waits for blocking streams, and they for it", "[emulator][streams]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    plait_emulator_set_seed(seed);
    DeviceArray<int> data(10), count(std::vector<int>{0});
    const cudaStream_t a = make_stream(cudaStreamDefault), b = make_stream(cudaStreamDefault);
    CHECK_CUDA(run(append, 1, 1, 0, a, data.data(), count.data(), 1));
    CHECK_CUDA(run(append, 1, 1, 0, 0, data.data(), count.data(), 2));
    CHECK_CUDA(run(append, 1, 1, 0, b, data.data(), count.data(), 3));
    CHECK_CUDA(run(append, 1, 1, 0, cudaStreamLegacy, data.data(), count.data(), 4));
    CHECK_CUDA(cudaStreamSynchronize(0));
    const std::vector<int> order = data.host();
    REQUIRE(std::vector<int>(order.begin(), order.begin() + 4) == std::vector<int>{1, 2, 3, 4});
  }
  std::set<int> results;
  for (uint64_t seed = 1; seed <= 40; ++seed) {  // non-blocking streams do not wait for it
    plait_emulator_set_seed(seed);
    DeviceArray<int> data(std::vector<int>{0});
    const cudaStream_t a = make_stream();
    CHECK_CUDA(run(write, 1, 1, 0, 0, data.data(), 1));
    CHECK_CUDA(run(write, 1, 1, 0, a, data.data(), 2));
    CHECK_CUDA(cudaDeviceSynchronize());
    results.insert(data.host()[0]);
  }
  CHECK(results == std::set<int>{1, 2});
}

TEST_CASE("events: polling, time, what was never recorded", "[emulator][streams]") {
  const cudaStream_t stream = make_stream();
  DeviceArray<int> data(std::vector<int>{0});
  const cudaEvent_t start = make_event(), end = make_event(), untimed = make_event(cudaEventDisableTiming);
  CHECK_CUDA(cudaEventQuery(start));
  CHECK_CUDA(cudaEventSynchronize(start));
  CHECK_CUDA(cudaStreamWaitEvent(stream, start));
  CHECK_CUDA(cudaEventRecord(start, stream));
  CHECK_CUDA(run(add, 1, 1, 0, stream, data.data(), 1, 1));
  CHECK_CUDA(cudaEventRecord(end, stream));
  CHECK_CUDA(cudaEventRecord(untimed, stream));
  float time = -1;
  CHECK(cudaEventElapsedTime(&time, start, end) == cudaErrorNotReady);
  int polls = 0;
  while (cudaEventQuery(end) == cudaErrorNotReady) ++polls;
  CHECK(polls > 0);
  CHECK_CUDA(cudaEventElapsedTime(&time, start, end));
  CHECK(time > 0);
  CHECK(cudaEventElapsedTime(&time, start, untimed) == cudaErrorInvalidResourceHandle);
  CHECK_CUDA(cudaEventDestroy(start));
  CHECK(cudaEventQuery(start) == cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST_CASE("host functions run in order, and may not call the runtime", "[emulator][streams]") {
  std::atomic<int> calls{0};
  const cudaStream_t stream = make_stream();
  CHECK_CUDA(cudaLaunchHostFunc(stream, note, &calls));
  CHECK(calls == 0);
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(calls == 1);
  cudaError_t inside = cudaSuccess;
  CHECK_CUDA(cudaLaunchHostFunc(
      stream, [](void* p) { *static_cast<cudaError_t*>(p) = cudaStreamSynchronize(0); }, &inside));
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(inside == cudaErrorNotPermitted);
  // A host function may wait for a thread that calls the runtime.
  std::atomic<bool> called{false};
  std::thread other;
  std::pair<std::atomic<bool>*, std::thread*> arguments{&called, &other};
  CHECK_CUDA(cudaLaunchHostFunc(
      stream,
      [](void* p) {
        auto& [flag, thread] = *static_cast<decltype(arguments)*>(p);
        *thread = std::thread([f = flag] {
          void* memory;
          *f = cudaMalloc(&memory, 8) == cudaSuccess && cudaFree(memory) != cudaErrorInvalidValue;
        });
        while (counted(PlaitEmulatorMallocs) == 0) std::this_thread::yield();
      },
      &arguments));
  CHECK_CUDA(cudaStreamSynchronize(stream));
  other.join();
  CHECK(called);
}

TEST_CASE("threads share the device", "[emulator][streams]") {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&wrong] {
      cudaStream_t stream;
      int* data;
      if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) || cudaMalloc(&data, 400)) ++wrong;
      cudaMemsetAsync(data, 0, 400, stream);
      for (int i = 0; i < 50; ++i) run(add, 1, 128, 0, stream, data, 100, 1);
      int host[100];
      if (cudaMemcpyAsync(host, data, 400, cudaMemcpyDeviceToHost, stream) || host[99] != 50) ++wrong;
      cudaFree(data);
      cudaStreamDestroy(stream);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a very long queue drains by itself", "[emulator][streams]") {
  DeviceArray<int> data(std::vector<int>{0});
  for (int i = 0; i < 20000; ++i) run(add, 1, 1, 0, 0, data.data(), 1, 1);
  CHECK(data.host()[0] == 20000);
}

TEST_CASE("copies check their pointers and their kind", "[emulator][streams]") {
  DeviceArray<int> a(16), b(16);
  std::vector<int> host(16, 3);
  const size_t bytes = 64;
  CHECK(cudaMemcpy(a.data(), host.data(), bytes, cudaMemcpyKind(7)) == cudaErrorInvalidMemcpyDirection);
  CHECK(cudaMemcpy(a.data(), host.data(), bytes, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(a.data(), b.data(), bytes, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host.data(), a.data(), bytes, cudaMemcpyHostToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(a.data() + 8, host.data(), bytes, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(a.data(), nullptr, bytes, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemset(host.data(), 0, bytes) == cudaErrorInvalidValue);
  CHECK(cudaMemset(a.data(), 0, bytes + 1) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK_CUDA(cudaMemcpy(a.data(), host.data(), bytes, cudaMemcpyDefault));
  CHECK_CUDA(cudaMemcpyAsync(b.data(), a.data(), bytes, cudaMemcpyDeviceToDevice));
  CHECK(b.host() == host);
  CHECK_CUDA(cudaMemcpy(nullptr, nullptr, 0, cudaMemcpyDefault));
  // 2 rows of 8 bytes, 16 bytes apart there and 24 here.
  std::vector<int> rows = {1, 2, 0, 0, 0, 0, 3, 4};
  CHECK_CUDA(cudaMemset(a.data(), 0, bytes));
  CHECK_CUDA(cudaMemcpy2DAsync(a.data(), 16, rows.data(), 24, 8, 2, cudaMemcpyHostToDevice));
  CHECK(a.host()[0] == 1);
  CHECK(a.host()[5] == 4);
  CHECK(a.host()[2] == 0);
}

TEST_CASE("two devices, each with its memory and its streams", "[emulator][devices]") {
  int count, can;
  CHECK_CUDA(cudaGetDeviceCount(&count));
  REQUIRE(count == 2);
  CHECK_CUDA(cudaDeviceCanAccessPeer(&can, 0, 1));
  CHECK(can == 1);
  DeviceArray<int> first(std::vector<int>{5});
  const cudaStream_t stream = make_stream();
  CHECK_CUDA(cudaSetDevice(1));
  DeviceArray<int> second(std::vector<int>{6});
  CHECK(run(write, 1, 1, 0, stream, first.data(), 1) == cudaErrorInvalidResourceHandle);
  const cudaEvent_t event = make_event();
  CHECK(cudaEventRecord(event, stream) == cudaErrorInvalidResourceHandle);
  CHECK_CUDA(cudaMemcpyPeerAsync(second.data(), 1, first.data(), 0, 4));
  CHECK(second.host()[0] == 5);
  CHECK_CUDA(cudaDeviceEnablePeerAccess(0, 0));
  CHECK(cudaDeviceEnablePeerAccess(0, 0) == cudaErrorPeerAccessAlreadyEnabled);
  CHECK_CUDA(run(copy_one, 1, 1, 0, 0, second.data(), static_cast<const int*>(first.data())));
  CHECK_CUDA(cudaDeviceSynchronize());
  CHECK_CUDA(cudaDeviceDisablePeerAccess(0));
  cudaPointerAttributes attributes;
  CHECK_CUDA(cudaPointerGetAttributes(&attributes, first.data()));
  CHECK(attributes.type == cudaMemoryTypeDevice);
  CHECK(attributes.device == 0);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK_CUDA(cudaSetDevice(0));
  cudaDeviceProp properties;
  CHECK_CUDA(cudaGetDeviceProperties(&properties, 1));
  CHECK(properties.major == 9);
  CHECK(properties.multiProcessorCount == 132);
  CHECK(properties.sharedMemPerBlockOptin == size_t(227) << 10);
  cudaGetLastError();
}
