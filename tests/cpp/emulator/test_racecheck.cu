// The race detector: compiled with -fsanitize=thread, like the kernels of libplait_cuda_racecheck.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "device.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;
constexpr unsigned kThreads = 64;
constexpr size_t kBytes = 4096;

// --- Within a block: each thread reads what another one wrote
template <bool Barrier>
__global__ void rotate(int* out) {
  __shared__ int values[kThreads];
  values[threadIdx.x] = int(threadIdx.x);
  if (Barrier) __syncthreads();
  out[blockIdx.x * kThreads + threadIdx.x] = values[(threadIdx.x + kThreads / 2) % kThreads];
}
// The barrier is there, but not the one that lets the second round write.
template <bool Barrier>
__global__ void rotate_twice(int* out) {
  auto* values = static_cast<int*>(emulator::dynamic_shared_memory());
  int sum = 0;
  for (int round = 0; round < 2; ++round) {
    values[threadIdx.x] = int(threadIdx.x);
    __syncthreads();
    sum += values[(threadIdx.x + kThreads / 2) % kThreads];
    if (Barrier) __syncthreads();
  }
  out[threadIdx.x] = sum;
}
// A byte each: neighbours share a word.
template <int Shift>
__global__ void bytes(unsigned char* out) {
  __shared__ unsigned char values[kThreads + 1];
  values[threadIdx.x] = 1;
  if (Shift == 1 && threadIdx.x == 0) values[kThreads] = 1;
  out[threadIdx.x] = values[threadIdx.x + Shift];
}
// In device memory.
template <bool Barrier>
__global__ void exchange(int* data) {
  data[threadIdx.x] = int(threadIdx.x);
  if (Barrier) __syncthreads();
  data[kThreads + threadIdx.x] = data[kThreads - 1 - threadIdx.x];
}

// --- Within a warp
enum class Meeting { None, Warp, Shuffle, Half, OtherHalf };
template <Meeting M>
__global__ void neighbours(int* out) {
  __shared__ int values[32];
  const unsigned lane = threadIdx.x;
  const unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
  values[lane] = int(lane);
  if (M == Meeting::Warp) __syncwarp();
  if (M == Meeting::Shuffle) __shfl_xor_sync(kAll, 1, 1);
  if (M == Meeting::Half || M == Meeting::OtherHalf) __syncwarp(half);
  out[lane] = values[M == Meeting::OtherHalf ? (lane + 16) % 32 : lane ^ 1];
}
// Lane 0 hears of lane 2 from lane 1.
template <bool Told>
__global__ void hearsay(int* out) {
  __shared__ int value;
  if (threadIdx.x == 2) value = 1;
  if (threadIdx.x == 1 || threadIdx.x == 2) __syncwarp(6u);
  if (Told && threadIdx.x < 2) __syncwarp(3u);
  if (threadIdx.x == 0) *out = value;
}
// Everybody reads, then one writes.
template <bool Meet>
__global__ void overwrite(int* out) {
  __shared__ int value;
  if (threadIdx.x == 0) value = 1;
  __syncthreads();
  out[threadIdx.x] = value;
  if (Meet) __syncwarp();
  if (threadIdx.x == 0) value = 2;
}

// --- Between blocks
template <bool Atomic>
__global__ void count(int* counter) {
  if (Atomic)
    atomicAdd(counter, 1);
  else
    *counter += 1;
}
__global__ void count_and_look(int* counter, int* out) {
  atomicAdd(counter, 1);
  out[blockIdx.x] = *counter;
}
template <bool Same>
__global__ void write_all(int* out) {
  *out = Same ? 7 : int(blockIdx.x);
}
__global__ void write_any(int* out) { emulator::store_in_any_order(out, int(blockIdx.x)); }
// The last block adds up what all have written.
template <bool Fence>
__global__ void sum_of_blocks(int* parts, unsigned* counter, int* sum) {
  __shared__ bool last;
  parts[blockIdx.x * kThreads + threadIdx.x] = 1;
  if (Fence) __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
  __syncthreads();
  if (!last) return;
  if (threadIdx.x != 0) return;
  *sum = 0;
  for (unsigned i = 0; i < gridDim.x * kThreads; ++i) *sum += parts[i];
}

// --- Outside of what there is: the offset is no argument's, which would be refused before
template <int Offset, class T = int>
T* at(int* data) {
  return reinterpret_cast<T*>(reinterpret_cast<char*>(data) + Offset);
}
template <int Offset>
__global__ void read_at(int* data) {
  *data = *at<Offset>(data);
}
template <int Offset>
__global__ void write_at(int* data) {
  *at<Offset>(data) = 1;
}
template <int Offset>
__global__ void add_at(int* data) {
  atomicAdd(at<Offset>(data), 1);
}
template <int Offset>
__global__ void read_shared_at(int* data) {
  *data = *at<Offset, unsigned char>(static_cast<int*>(emulator::dynamic_shared_memory()));
}

// Runs with each order of blocks and threads. True if every order found what fails with this.
template <class... P, class... A>
bool finds(cudaError_t error, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args) {
  int found = 0;
  constexpr uint64_t kSeeds = 8;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    plait_emulator_set_seed(seed);
    // Device memory goes with the context that a finding ends, so each run has its own.
    int *first = nullptr, *data = nullptr;
    CHECK_CUDA(cudaMalloc(&first, kBytes));
    CHECK_CUDA(cudaMalloc(&data, kBytes));
    CHECK_CUDA(cudaMemset(data, 0, kBytes));
    CHECK_CUDA(
        run(kernel, grid, block, shared, 0, reinterpret_cast<P>(reinterpret_cast<char*>(data) + args)...));
    const cudaError_t status = cudaDeviceSynchronize();
    cudaDeviceReset();
    cudaGetLastError();
    if (status != cudaSuccess) {
      REQUIRE(status == error);
      ++found;
    }
  }
  REQUIRE((found == 0 || found == int(kSeeds)));
  return found != 0;
}
template <class... P, class... A>
bool races(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args) {
  return finds(cudaErrorLaunchFailure, kernel, grid, block, shared, args...);
}
bool strays(void (*kernel)(int*), size_t shared) {
  return finds(cudaErrorIllegalAddress, kernel, 1, 1, shared, 0);
}

}  // namespace

TEST_CASE("races between threads of a block are found", "[emulator][racecheck]") {
  CHECK(races(rotate<false>, 2, kThreads, 0, 0));
  CHECK_FALSE(races(rotate<true>, 2, kThreads, 0, 0));
  CHECK(races(rotate_twice<false>, 2, kThreads, 4 * kThreads, 0));
  CHECK_FALSE(races(rotate_twice<true>, 1, kThreads, 4 * kThreads, 0));
  CHECK(races(bytes<1>, 1, kThreads, 0, 0));
  CHECK_FALSE(races(bytes<0>, 1, kThreads, 0, 0));
  CHECK(races(exchange<false>, 1, kThreads, 0, 0));
  CHECK_FALSE(races(exchange<true>, 1, kThreads, 0, 0));
}

TEST_CASE("lanes of a warp are ordered where they meet, and nowhere else", "[emulator][racecheck]") {
  CHECK(races(neighbours<Meeting::None>, 1, 32, 0, 0));
  CHECK(races(neighbours<Meeting::OtherHalf>, 1, 32, 0, 0));
  CHECK_FALSE(races(neighbours<Meeting::Warp>, 1, 32, 0, 0));
  CHECK_FALSE(races(neighbours<Meeting::Shuffle>, 1, 32, 0, 0));
  CHECK_FALSE(races(neighbours<Meeting::Half>, 1, 32, 0, 0));
  CHECK(races(hearsay<false>, 1, 3, 0, 0));
  CHECK_FALSE(races(hearsay<true>, 1, 3, 0, 0));
  CHECK(races(overwrite<false>, 1, 32, 0, 0));
  CHECK_FALSE(races(overwrite<true>, 1, 32, 0, 0));
}

TEST_CASE("races between blocks are found", "[emulator][racecheck]") {
  CHECK(races(count<false>, 3, 1, 0, 0));
  CHECK_FALSE(races(count<true>, 3, 4, 0, 0));
  CHECK(races(count_and_look, 3, 1, 0, 0, 64));
  CHECK(races(write_all<false>, 3, 1, 0, 0));
  CHECK_FALSE(races(write_all<true>, 3, 40, 0, 0));
  CHECK_FALSE(races(write_any, 3, 40, 0, 0));
  CHECK(races(sum_of_blocks<false>, 4, kThreads, 0, 0, 2048, 2052));
  CHECK_FALSE(races(sum_of_blocks<true>, 4, kThreads, 0, 0, 2048, 2052));
}

TEST_CASE("accesses outside of all memory are found, reads among them", "[emulator][racecheck]") {
  constexpr int end = int(kBytes);
  CHECK_FALSE(strays(read_at<end - 4>, 0));
  CHECK(strays(read_at<end>, 0));
  CHECK(strays(read_at<end - 2>, 0));  // half of it
  CHECK(strays(read_at<-4>, 0));
  CHECK(strays(write_at<end + 4>, 0));
  CHECK(strays(add_at<end>, 0));
  CHECK_FALSE(strays(read_shared_at<99>, 100));
  CHECK(strays(read_shared_at<100>, 100));
}

TEST_CASE("a finding names memory, threads and lines; with a log the launch goes on",
          "[emulator][racecheck]") {
  const std::string path = "racecheck-" + std::to_string(getpid()) + ".log";
  REQUIRE(setenv("PLAIT_CUDA_RACECHECK_LOG", path.c_str(), 1) == 0);
  plait_emulator_set_seed(1);
  DeviceArray<int> out(kThreads);
  const auto read = [&] {
    std::string text;
    FILE* file = std::fopen(path.c_str(), "r");
    REQUIRE(file);
    for (int c; (c = std::fgetc(file)) != EOF;) text += char(c);
    std::fclose(file);
    return text;
  };
  CHECK_CUDA(run(rotate_twice<false>, 1, kThreads, 4 * kThreads, 0, out.data()));
  CHECK(out.host()[1] == 2 * (1 + int(kThreads) / 2));
  const std::string text = read();
  CHECK_CUDA(run(rotate_twice<false>, 1, kThreads, 4 * kThreads, 0, out.data()));
  CHECK(out.host()[1] == 2 * (1 + int(kThreads) / 2));
  unsetenv("PLAIT_CUDA_RACECHECK_LOG");
  CHECK(read() == text);  // each pair of places is told of once
  std::remove(path.c_str());
  INFO(text);
  const auto has = [&](const char* part) { return text.find(part) != std::string::npos; };
  CHECK(has("of 256 of dynamic shared memory"));
  CHECK(has("threads of one block with no __syncthreads() in between"));
  CHECK(has("a read of 4 bytes by block (0, 0, 0), thread ("));
  CHECK(has("after a write by block (0, 0, 0), thread ("));
  CHECK(has("test_racecheck.cu:"));
}
