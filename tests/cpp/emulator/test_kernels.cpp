// Threads, barriers, warps, atomics, limits.
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "device.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;

__global__ void count_threads(unsigned* counts, unsigned* seen) {
  atomicAdd(counts, 1u);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  seen[block * blockDim.x * blockDim.y * blockDim.z + thread] = 1;
}

// Each thread reads what another one wrote, round after round.
__global__ void rotate(int* out, int rounds) {
  __shared__ int values[128];
  int mine = int(threadIdx.x);
  for (int i = 0; i < rounds; ++i) {
    values[threadIdx.x] = mine;
    __syncthreads();
    mine = values[(threadIdx.x + 1) % blockDim.x];
    __syncthreads();
  }
  out[threadIdx.x] = mine;
}

// Half of the threads return before the barrier.
__global__ void leave_early(int* out) {
  __shared__ int values[64];
  if (threadIdx.x % 2) return;
  values[threadIdx.x] = int(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = values[(threadIdx.x + 2) % 64];
}

__global__ void vote(int* out) {
  const int even = threadIdx.x % 2 == 0;
  const int any = __syncthreads_or(threadIdx.x == 17), none = __syncthreads_or(0);
  const int all = __syncthreads_and(1), not_all = __syncthreads_and(even);
  const int count = __syncthreads_count(even);
  if (threadIdx.x == 5) {
    out[0] = any, out[1] = none, out[2] = all, out[3] = not_all, out[4] = count;
  }
}

__global__ void shuffle_all(double* out) {
  const double mine = 100 + threadIdx.x;
  const unsigned lane = threadIdx.x % 32;
  double* row = out + threadIdx.x * 6;
  row[0] = __shfl_sync(kAll, mine, 3);
  row[1] = __shfl_up_sync(kAll, mine, 2);
  row[2] = __shfl_down_sync(kAll, mine, 5, 8);
  row[3] = __shfl_xor_sync(kAll, mine, 9);
  row[4] = __shfl_sync(kAll, mine, int(lane) + 1, 16);
  row[5] = __shfl_up_sync(kAll, mine, 3, 4);
}

// Groups of lanes that meet by themselves, in different orders.
__global__ void meet_in_groups(int* out) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned mask = lane < 8 ? 0x000000ffu : 0xffffff00u;
  int value = int(lane);
  for (int i = 0; i < (lane < 8 ? 5 : 2); ++i) value = __shfl_xor_sync(mask, value, 1);
  out[threadIdx.x] = value;
}

__global__ void reduce_lanes(unsigned* out) {
  const unsigned lane = threadIdx.x % 32;
  unsigned* row = out + threadIdx.x * 12;
  row[0] = __ballot_sync(kAll, lane % 3 == 0);
  row[1] = unsigned(__any_sync(kAll, lane == 31));
  row[2] = unsigned(__all_sync(kAll, lane < 31));
  row[3] = __match_any_sync(kAll, lane / 8);
  int same;
  row[4] = __match_all_sync(kAll, 7, &same) + unsigned(same);
  row[5] = __match_all_sync(kAll, lane, &same) + unsigned(same);
  row[6] = __reduce_add_sync(kAll, lane);
  row[7] = unsigned(__reduce_min_sync(kAll, int(lane) - 10));
  row[8] = unsigned(__reduce_max_sync(kAll, int(lane) - 40));
  row[9] = __reduce_xor_sync(kAll, lane);
  row[10] = __reduce_min_sync(kAll, unsigned(int(lane) - 10));
  row[11] = __activemask();
}

__global__ void short_warp(int* out) {  // 20 threads: the other lanes never were
  int sum = int(threadIdx.x);
  for (int i = 16; i; i /= 2) {
    const int other = __shfl_down_sync(kAll, sum, unsigned(i));
    if (threadIdx.x + unsigned(i) < blockDim.x) sum += other;
  }
  if (threadIdx.x == 0) *out = sum;
}

__global__ void hand_over(int* out) {  // one thread waits for another without a barrier
  __shared__ int flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  if (threadIdx.x == 1) {
    while (static_cast<volatile int&>(flag) == 0) __nanosleep(100);
    *out = flag;
  } else if (threadIdx.x == 0) {
    flag = 42;
  }
}

__global__ void split_barrier() {
  if (threadIdx.x < 3)
    __syncthreads();
  else
    __syncwarp();
}
__global__ void mixed_barriers() {
  if (threadIdx.x % 2)
    __syncthreads();
  else
    __syncthreads_or(1);
}
__global__ void foreign_mask() { __syncwarp(threadIdx.x == 0 ? 2u : 1u); }
__global__ void missing_lane() {
  if (threadIdx.x != 7) __ballot_sync(kAll, 1);
  if (threadIdx.x == 7) __syncthreads();
}
__global__ void trapped() {
  if (threadIdx.x == 9) __trap();
  __syncthreads();
}

__global__ void fill_shared(unsigned char* out, int bytes) {
  auto* shared = static_cast<unsigned char*>(emulator::dynamic_shared_memory());
  for (int i = int(threadIdx.x); i < bytes; i += int(blockDim.x)) {
    out[i] = shared[i];
    shared[i] = 1;
  }
}
__global__ void overrun_shared() { static_cast<char*>(emulator::dynamic_shared_memory())[64] = 1; }

__global__ void atomics(int* i, unsigned* u, unsigned long long* l, float* f, double* d, unsigned short* h) {
  atomicAdd(i, -1);
  atomicMin(i + 1, int(threadIdx.x) - 5);
  atomicMax(i + 2, int(threadIdx.x));
  atomicInc(u, 9u);
  atomicOr(u + 1, 1u << threadIdx.x % 32);
  atomicExch(u + 2, threadIdx.x);
  atomicAdd(l, 1ull << 32);
  atomicMax(l + 1, static_cast<unsigned long long>(threadIdx.x));
  atomicAdd(f, 0.5f);
  atomicAdd(d, 0.25);
  unsigned short old = *h, expected;
  do {
    expected = old;
    old = atomicCAS(h, expected, static_cast<unsigned short>(expected + 1));
  } while (old != expected);
}

__global__ void nothing() {}

cudaError_t status_of(void (*kernel)(), unsigned threads) {
  const cudaError_t launched = run(kernel, 1, threads, 0, 0);
  const cudaError_t status = launched == cudaSuccess ? cudaDeviceSynchronize() : launched;
  cudaDeviceReset();
  cudaGetLastError();
  return status;
}

}  // namespace

TEST_CASE("every thread of every block runs once", "[emulator][kernels]") {
  const dim3 grid(3, 4, 2), block(5, 2, 3);
  DeviceArray<unsigned> counts(1), seen(24 * 30);
  CHECK_CUDA(cudaMemset(counts.data(), 0, 4));
  CHECK_CUDA(cudaMemset(seen.data(), 0, seen.size() * 4));
  CHECK_CUDA(run(count_threads, grid, block, 0, 0, counts.data(), seen.data()));
  CHECK(counts.host()[0] == 720);
  CHECK(seen.host() == std::vector<unsigned>(720, 1));
}

TEST_CASE("threads of a block meet at barriers", "[emulator][kernels]") {
  for (uint64_t seed : {1, 2, 3, 4}) {  // threads start from the first or from the last
    plait_emulator_set_seed(seed);
    DeviceArray<int> out(128);
    CHECK_CUDA(run(rotate, 1, 128, 0, 0, out.data(), 50));
    const std::vector<int> values = out.host();
    for (int i = 0; i < 128; ++i) REQUIRE(values[size_t(i)] == (i + 50) % 128);
    CHECK_CUDA(run(leave_early, 1, 64, 0, 0, out.data()));
    CHECK(out.host()[62] == 0);
    CHECK(out.host()[30] == 32);
  }
  DeviceArray<int> votes(5);
  CHECK_CUDA(run(vote, 1, 96, 0, 0, votes.data()));
  CHECK(votes.host() == std::vector<int>{1, 0, 1, 0, 48});
}

TEST_CASE("lanes of a warp exchange values", "[emulator][kernels]") {
  DeviceArray<double> out(64 * 6);
  CHECK_CUDA(run(shuffle_all, 1, 64, 0, 0, out.data()));
  const std::vector<double> values = out.host();
  for (unsigned thread = 0; thread < 64; ++thread) {
    const unsigned lane = thread % 32, warp = thread - lane;
    const double* row = values.data() + thread * 6;
    const auto value_of = [&](unsigned source) { return 100.0 + warp + source; };
    REQUIRE(row[0] == value_of(3));
    REQUIRE(row[1] == value_of(lane < 2 ? lane : lane - 2));
    REQUIRE(row[2] == value_of(lane % 8 < 3 ? lane + 5 : lane));
    REQUIRE(row[3] == value_of(lane ^ 9));
    REQUIRE(row[4] == value_of((lane & 16) | ((lane + 1) & 15)));
    REQUIRE(row[5] == value_of(lane % 4 < 3 ? lane : lane - 3));
  }
  DeviceArray<int> groups(32), sum(1);
  CHECK_CUDA(run(meet_in_groups, 1, 32, 0, 0, groups.data()));
  CHECK(groups.host()[2] == 3);
  CHECK(groups.host()[20] == 20);
  CHECK_CUDA(run(short_warp, 1, 20, 0, 0, sum.data()));
  CHECK(sum.host()[0] == 190);
}

TEST_CASE("lanes of a warp vote, match and reduce", "[emulator][kernels]") {
  DeviceArray<unsigned> out(32 * 12);
  CHECK_CUDA(run(reduce_lanes, 1, 32, 0, 0, out.data()));
  const std::vector<unsigned> values = out.host();
  for (unsigned lane = 0; lane < 32; ++lane) {
    const unsigned* row = values.data() + lane * 12;
    REQUIRE(row[0] == 0x49249249u);
    REQUIRE(row[1] == 1);
    REQUIRE(row[2] == 0);
    REQUIRE(row[3] == 0xffu << lane / 8 * 8);
    REQUIRE(row[4] == kAll + 1u);
    REQUIRE(row[5] == 0);
    REQUIRE(row[6] == 496);
    REQUIRE(int(row[7]) == -10);
    REQUIRE(int(row[8]) == -9);
    REQUIRE(row[9] == 0);
    REQUIRE(row[10] == 0);
    REQUIRE((row[11] >> lane & 1) == 1);
  }
}

TEST_CASE("a thread may wait for another one's flag", "[emulator][kernels]") {
  for (uint64_t seed : {1, 2, 3, 4}) {
    plait_emulator_set_seed(seed);
    DeviceArray<int> out(1);
    CHECK_CUDA(run(hand_over, 1, 2, 0, 0, out.data()));
    CHECK(out.host()[0] == 42);
  }
}

TEST_CASE("barriers that not all reach end the launch", "[emulator][kernels]") {
  CHECK(status_of(split_barrier, 64) == cudaErrorLaunchFailure);
  CHECK(status_of(mixed_barriers, 64) == cudaErrorLaunchFailure);
  CHECK(status_of(foreign_mask, 2) == cudaErrorLaunchFailure);
  CHECK(status_of(missing_lane, 32) == cudaErrorLaunchFailure);
  CHECK(status_of(trapped, 64) == cudaErrorLaunchFailure);
  CHECK(status_of(nothing, 64) == cudaSuccess);
}

TEST_CASE("dynamic shared memory is fresh for each block, and its end is guarded", "[emulator][kernels]") {
  DeviceArray<unsigned char> out(1000);
  CHECK_CUDA(run(fill_shared, 3, 32, 1000, 0, out.data(), 1000));
  CHECK(out.host() == std::vector<unsigned char>(1000, 0x7F));
  CHECK_CUDA(run(overrun_shared, 1, 1, 64, 0));
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  CHECK_CUDA(cudaDeviceReset());
}

TEST_CASE("atomics", "[emulator][kernels]") {
  DeviceArray<int> i(std::vector<int>{0, 100, -100});
  DeviceArray<unsigned> u(std::vector<unsigned>{0, 0, 0});
  DeviceArray<unsigned long long> l(std::vector<unsigned long long>{0, 3});
  DeviceArray<float> f(std::vector<float>{0});
  DeviceArray<double> d(std::vector<double>{0});
  DeviceArray<unsigned short> h(std::vector<unsigned short>{65000});
  CHECK_CUDA(run(atomics, 2, 48, 0, 0, i.data(), u.data(), l.data(), f.data(), d.data(), h.data()));
  CHECK(i.host() == std::vector<int>{-96, -5, 47});
  CHECK(u.host()[0] == 96 % 10);
  CHECK(u.host()[1] == kAll);
  CHECK(l.host() == std::vector<unsigned long long>{96ull << 32, 47});
  CHECK(f.host()[0] == 48.0f);
  CHECK(d.host()[0] == 24.0);
  CHECK(h.host()[0] == 65096);
}

TEST_CASE("launches are held to the hardware's limits", "[emulator][kernels]") {
  CHECK(run(nothing, 1, 1025, 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, 1, dim3(1, 1, 65), 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, 1, dim3(33, 32), 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, dim3(1, 65536), 1, 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, dim3(1, 1, 65536), 1, 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, 0, 1, 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, 1, 0, 0, 0) == cudaErrorInvalidConfiguration);
  CHECK(run(nothing, dim3(1, 65535, 1), 1, 0, 0) == cudaSuccess);
  CHECK(run(nothing, 1, 1, 48 << 10, 0) == cudaSuccess);
  CHECK(run(nothing, 1, 1, (48 << 10) + 1, 0) == cudaErrorInvalidValue);
  CHECK_CUDA(cudaFuncSetAttribute(overrun_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 << 10));
  CHECK(run(nothing, 1, 1, (48 << 10) + 1, 0) == cudaErrorInvalidValue);  // another kernel's
  CHECK_CUDA(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 << 10));
  CHECK(run(nothing, 1, 1, 227 << 10, 0) == cudaSuccess);
  CHECK(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, (227 << 10) + 1) ==
        cudaErrorInvalidValue);
  int blocks;
  CHECK_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, nothing, 256, 0));
  CHECK(blocks == 8);
  CHECK_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, nothing, 128, 100 << 10));
  CHECK(blocks == 2);
  CHECK_CUDA(cudaDeviceSynchronize());
  cudaGetLastError();
}

TEST_CASE("functions of device code", "[emulator][kernels]") {
  CHECK(__popc(0xf0f0u) == 8);
  CHECK(__clz(1) == 31);
  CHECK(__clz(0) == 32);
  CHECK(__ffs(8) == 4);
  CHECK(__brev(1u) == 0x80000000u);
  CHECK(__brevll(2ull) == 0x4000000000000000ull);
  CHECK(__umulhi(0xffffffffu, 0xffffffffu) == 0xfffffffeu);
  CHECK(__umul64hi(~0ull, ~0ull) == ~0ull - 1);
  CHECK(__mul24(-3, 5) == -15);
  CHECK(__byte_perm(0x33221100u, 0x77665544u, 0x7350u) == 0x77335500u);
  CHECK(__byte_perm(0x80u, 0, 0x8888u) == 0xffffffffu);
  CHECK(__float_as_uint(1.0f) == 0x3f800000u);
  CHECK(__int_as_float(0x40000000) == 2.0f);
  CHECK(__saturatef(NAN) == 0);
  CHECK(__float2int_rz(1e20f) == 2147483647);
  CHECK(__float2int_rn(-2.5f) == -2);
  CHECK(min(-1, 2) == -1);
  CHECK(max(1u, 2u) == 2u);
  CHECK(min(NAN, 1.0f) == 1.0f);
  const float4 v = make_float4(1, 2, 3, 4);
  CHECK(v.z == 3);
  CHECK(alignof(float4) == 16);
  CHECK(alignof(float2) == 8);
  CHECK(alignof(uchar4) == 4);
  CHECK(sizeof(double3) == 24);
  CHECK(sizeof(longlong2) == 16);
}

TEST_CASE("mathematical functions that the C library lacks", "[emulator][math]") {
  for (double x : {1e-300, 1e-9, 0.1, 0.5, 0.89, 0.91, 0.999, 1 - 1e-12}) {
    CHECK(std::erf(erfinv(x)) == Approx(x).epsilon(1e-14));
    CHECK(erfinv(-x) == -erfinv(x));
    CHECK(normcdf(normcdfinv(x)) == Approx(x).epsilon(1e-12));  // the tail magnifies errors by up to 1400
  }
  CHECK(normcdfinv(1e-300) == Approx(-37.0471).epsilon(1e-5));
  CHECK(std::isinf(erfinv(1.0)));
  CHECK(std::isnan(erfinv(1.5)));
  CHECK(erfcx(3.0) == Approx(std::exp(9.0) * std::erfc(3.0)).epsilon(1e-14));
  CHECK(erfcx(19.99) == Approx(erfcx(20.01)).epsilon(1.1e-3));
  CHECK(erfcx(1e10) == Approx(5.641895835477563e-11).epsilon(1e-14));
  CHECK(sinpi(1e15) == 0);
  CHECK(sinpi(0.5) == 1);
  CHECK(sinpi(-1.25) == Approx(std::sqrt(0.5)).epsilon(1e-15));
  CHECK(cospi(0.5) == 0);
  CHECK(cospi(1.0) == -1);
  CHECK(cospi(7.0 / 3) == Approx(0.5).epsilon(1e-14));
  CHECK(cyl_bessel_i0(1.0) == Approx(std::cyl_bessel_i(0.0, 1.0)).epsilon(1e-14));
  CHECK(cyl_bessel_i1(-5.0) == Approx(-std::cyl_bessel_i(1.0, 5.0)).epsilon(1e-13));
  CHECK(cyl_bessel_i0(39.9) * std::exp(0.2) == Approx(cyl_bessel_i0(40.1)).epsilon(6e-3));
  CHECK(cyl_bessel_i0(100.0) == Approx(std::cyl_bessel_i(0.0, 100.0)).epsilon(1e-12));
  CHECK(rsqrtf(4.0f) == 0.5f);
  CHECK(rcbrt(8.0) == 0.5);
  CHECK(exp10f(2.0f) == 100.0f);
}
