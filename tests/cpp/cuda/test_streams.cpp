#include <set>
#include <thread>

#include "cuda/runtime/event.h"
#include "support.h"

using namespace plait;
using namespace plait::cuda;

TEST_CASE("each thread has its own device and streams") {
  Clean clean;
  const cudaStream_t stream = pooled_stream(0, 0);
  set_current_stream(0, stream);
  set_device(1);
  CHECK(current_stream() == nullptr);
  CHECK(current_stream(0) == stream);
  std::thread([&] {
    CHECK(current_device() == 0);
    CHECK(current_stream() == nullptr);
    set_current_stream(1, pooled_stream(1, 0));
  }).join();
  CHECK(current_stream(1) == nullptr);
  set_device(0);
  CHECK(current_stream() == stream);
}

TEST_CASE("DeviceGuard and StreamGuard put back what was") {
  Clean clean;
  {
    const DeviceGuard guard(1);
    CHECK(current_device() == 1);
    int at = -1;
    check_cuda(cudaGetDevice(&at));
    CHECK(at == 1);
  }
  CHECK(current_device() == 0);
  const cudaStream_t stream = pooled_stream(0, 0);
  {
    const StreamGuard guard(0, stream);
    CHECK(current_stream() == stream);
  }
  CHECK(current_stream() == nullptr);
  CHECK_THAT(text_of<RuntimeError>([] { set_device(device_count()); }),
             ContainsSubstring("there is no device"));
  CHECK_THROWS_AS(set_device(-1), RuntimeError);
  CHECK(current_device() == 0);
}

TEST_CASE("the pool holds 32 streams a priority, of the right device") {
  Clean clean;
  std::set<cudaStream_t> seen, urgent;
  for (int i = 0; i < 100; ++i) seen.insert(pooled_stream(1, 0));
  CHECK(seen.size() == 32);
  CHECK(seen.count(nullptr) == 0);
  const int highest = highest_priority(1);
  REQUIRE(highest < 0);
  for (int i = 0; i < 40; ++i) urgent.insert(pooled_stream(1, -100));  // clamped
  CHECK(urgent.size() == 32);
  CHECK(stream_priority(*urgent.begin()) == highest);
  CHECK(stream_priority(*seen.begin()) == 0);
  for (const cudaStream_t stream : seen) {
    int device = -1;
    check_cuda(cudaStreamGetDevice(stream, &device));
    CHECK(device == 1);
    CHECK(urgent.count(stream) == 0);
  }
}

TEST_CASE("properties are those that CUDA says") {
  const DeviceProperties& p = properties(0);
  cudaDeviceProp all;
  check_cuda(cudaGetDeviceProperties(&all, 0));
  CHECK(std::string(p.name) == all.name);
  CHECK((p.major == all.major && p.minor == all.minor && p.multiprocessors == all.multiProcessorCount));
  CHECK(p.total_memory == all.totalGlobalMem);
  CHECK(&properties() == &p);
  CHECK_THROWS_AS(properties(99), RuntimeError);
}

TEST_CASE("streams wait for events of other streams") {
  Clean clean;
  constexpr int64_t n = 500;
  const cudaStream_t first = pooled_stream(0, 0), second = pooled_stream(0, 0);
  const OwnedBlock a = take(4 * n), b = take(4 * n);
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6, 7, 8}) {
    plait_emulator_set_seed(seed);
    fill(block_data(a.get()), n, 0, nullptr);
    synchronize_device(0);
    Event event(false, false, false);
    CHECK(event.query());                                       // nothing was recorded
    event.wait(0, reinterpret_cast<CudaStreamHandle>(second));  // nothing to wait for
    fill(block_data(a.get()), n, static_cast<float>(seed), first);
    event.record(0, reinterpret_cast<CudaStreamHandle>(first));
    CHECK(event.device() == 0);
    event.wait(0, reinterpret_cast<CudaStreamHandle>(second));
    copy(block_data(b.get()), block_data(a.get()), n, second);
    synchronize_stream(second);
    CHECK(event.query());
    CHECK(read(block_data(b.get()), n) == std::vector<float>(n, static_cast<float>(seed)));
    // The same by order_streams.
    fill(block_data(a.get()), n, -1, first);
    order_streams(0, first, 0, second);
    copy(block_data(b.get()), block_data(a.get()), n, second);
    synchronize_stream(second);
    CHECK(read(block_data(b.get()), n) == std::vector<float>(n, -1));
  }
}

TEST_CASE("events: time between them, and misuse") {
  Clean clean;
  const auto null_stream = CudaStreamHandle{0};
  Event begin(true, false, false), end(true, false, false), untimed(false, false, false);
  CHECK_THAT(text_of<ValueError>([&] { begin.elapsed_ms(end); }),
             ContainsSubstring("must have been recorded"));
  begin.record(0, null_stream);
  end.record(0, null_stream);
  end.synchronize();
  CHECK(begin.elapsed_ms(end) >= 0);
  untimed.record(0, null_stream);
  CHECK_THAT(text_of<ValueError>([&] { begin.elapsed_ms(untimed); }),
             ContainsSubstring("enable_timing=True"));
  CHECK_THAT(text_of<RuntimeError>([&] { begin.record(1, null_stream); }),
             ContainsSubstring("the event belongs to cuda:0, the stream to cuda:1"));
}

TEST_CASE("errors of the runtime name the call, the place and what may help") {
  Clean clean;
  REQUIRE(plait_emulator_fail_after("cudaStreamSynchronize", 1, cudaErrorInvalidResourceHandle) == 0);
  const std::string text = text_of<RuntimeError>([] { synchronize_stream(nullptr); });
  CHECK_THAT(text, ContainsSubstring("CUDA error 400 (cudaErrorInvalidResourceHandle)"));
  CHECK_THAT(text, ContainsSubstring("in cudaStreamSynchronize(stream) at stream.cpp:"));
  synchronize_stream(nullptr);  // it does not stick
}

TEST_CASE("memory of other devices is reached at once where the machine can") {
  Clean clean;
  CHECK(can_access_peer(0, 1));
  CHECK_FALSE(can_access_peer(1, 1));
  CHECK_THAT(text_of<RuntimeError>([] { can_access_peer(0, device_count()); }),
             ContainsSubstring("there is no device"));
  enable_peer_access(0, 1);
  enable_peer_access(0, 1);
  enable_peer_access(1, 1);
  CHECK(cudaDeviceEnablePeerAccess(1, 0) == cudaErrorPeerAccessAlreadyEnabled);
  cudaGetLastError();

  set_device(1);
  check_cuda(cudaDeviceEnablePeerAccess(0, 0));  // as another library may do
  set_device(0);
  enable_peer_access(1, 0);
  CHECK(cudaPeekAtLastError() == cudaSuccess);
  CHECK(current_device() == 0);
}
