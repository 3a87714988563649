// Launches with pointers that a GPU could not follow are refused, and say which argument of which kernel it
// is.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <cub/cub.cuh>

#include "device.h"

namespace {

__global__ void add(int* out, const int* in, long n, double, float) { *out = n > 0 ? *in : 0; }
int on_host = 5;

struct Part {
  const int* in;
  int n;
};
struct Plan {
  int64_t sizes[3] = {1, 2, 3};
  Part parts[2];
};
__global__ void add_parts(int* out, Plan plan) { *out = *plan.parts[0].in + *plan.parts[1].in; }

struct Padded {
  int32_t small;  // 4 bytes of nothing
  const int* in;
  char last;  // 7 bytes of nothing
};
struct alignas(16) Wide {
  int64_t value;  // 8 bytes of nothing
};
__global__ void take_padded(int* out, Padded padded, Wide wide) { *out = *padded.in + int(wide.value); }

struct Numbers {
  double d[4] = {1e300, -0.0, 1.5,
                 1e-310};  // the last one's bits could be an address, where nothing is mapped
  int64_t i[4] = {-1, 1ll << 39, INT64_MAX, INT64_MIN};
  int32_t pairs[8] = {0, 32767, 1024, 21845, -1, -1, 7, 1};
  uint64_t seed = 0x9E3779B97F4A7C15u;
};
__global__ void take_numbers(int* out, Numbers numbers) { *out = numbers.pairs[2]; }

struct Triple {
  uint32_t a = 1, b = 2, c = 3;
};
struct Triples {
  int64_t count = 0;
  int ndim = 4;
  Triple of[4];  // begins in the middle of 8 bytes
  int64_t last = 5;
};
__global__ void take_triples(int* out, Triples triples) { *out = int(triples.of[0].a + triples.of[3].c); }

__global__ void call(int* out, int (*function)(int)) { *out = function(1); }
int increase(int x) { return x + 1; }

// What `f` writes to stderr.
template <class F>
std::string errors_of(F f) {
  std::fflush(stderr);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  const int kept = dup(STDERR_FILENO);
  dup2(fileno(file.get()), STDERR_FILENO);
  f();
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  std::string text(4096, '\0');
  std::rewind(file.get());
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

// The message of a call that is refused; nothing is queued, and the device goes on.
template <class F>
std::string refusal_of(F f) {
  const uint64_t queued = counted(PlaitEmulatorLaunches) + counted(PlaitEmulatorLibraryCalls);
  const std::string text = errors_of([&] { CHECK(f() == cudaErrorInvalidValue); });
  CHECK(counted(PlaitEmulatorLaunches) + counted(PlaitEmulatorLibraryCalls) == queued);
  cudaGetLastError();
  CHECK_CUDA(cudaDeviceSynchronize());
  return text;
}

bool has(const std::string& text, const char* part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("pointers to the host's memory are refused, wherever it lies", "[emulator][arguments]") {
  DeviceArray<int> out(1), in(std::vector<int>{3});
  const auto launch = [&](const void* from) {
    return run(add, 1, 1, 0, 0, out.data(), static_cast<const int*>(from), 1, 1.0, 1.0f);
  };
  const std::vector<int> small(1, 1), large(1 << 20, 1);
  const int on_stack = 1;
  for (const void* from : {static_cast<const void*>(small.data()),
                           static_cast<const void*>(large.data() + 999), static_cast<const void*>(&on_stack),
                           static_cast<const void*>(&on_host), static_cast<const void*>("a literal")}) {
    const std::string text = refusal_of([&] { return launch(from); });
    CHECK(has(text, "CUDA emulator: argument 1 (from 0) is 0x"));
    CHECK(has(text, ", memory of the host that is not page-locked: "));
    CHECK(has(text, "::add(int*, int const*, long, double, float)"));
  }
  CHECK(has(refusal_of([&] { return launch(&on_stack); }), "[stack]"));
  CHECK(has(refusal_of([&] { return run(call, 1, 1, 0, 0, out.data(), increase); }), "argument 1"));
  CHECK(has(refusal_of([&] { return run(call, 1, 1, 0, 0, &on_host, nullptr); }), "argument 0"));
  CHECK(errors_of([&] {
          CHECK_CUDA(launch(in.data()));
          CHECK(out.host()[0] == 3);
        }) == "");
}

TEST_CASE("null and the end of a block may be passed", "[emulator][arguments]") {
  DeviceArray<int> out(1), in(3);
  int* pinned;
  CHECK_CUDA(cudaMallocHost(&pinned, 12));
  for (const int* from : {static_cast<const int*>(nullptr), static_cast<const int*>(nullptr) + 5,
                          static_cast<const int*>(in.data() + 3), static_cast<const int*>(pinned + 3)})
    CHECK(errors_of([&] { CHECK_CUDA(run(add, 1, 1, 0, 0, out.data(), from, 0, 1.0, 1.0f)); }) == "");
  CHECK(out.host()[0] == 0);
  CHECK_CUDA(cudaFreeHost(pinned));
}

TEST_CASE("page-locked memory may be passed while it is page-locked", "[emulator][arguments]") {
  DeviceArray<int> out(1);
  const auto launch = [&](const int* from) { return run(add, 1, 1, 0, 0, out.data(), from, 1, 1.0, 1.0f); };
  int* pinned;
  CHECK_CUDA(cudaMallocHost(&pinned, 4096));
  pinned[700] = 9;
  CHECK_CUDA(launch(pinned + 700));
  CHECK(out.host()[0] == 9);
  CHECK_CUDA(cudaFreeHost(pinned));

  std::vector<int> values(4096, 4);
  CHECK_CUDA(cudaHostRegister(values.data() + 1000, 4000, 0));
  CHECK_CUDA(launch(values.data() + 1999));
  CHECK(out.host()[0] == 4);
  CHECK(has(refusal_of([&] { return launch(values.data() + 2500); }), "not page-locked"));
  CHECK_CUDA(cudaHostUnregister(values.data() + 1000));
  CHECK(has(refusal_of([&] { return launch(values.data() + 1999); }), "not page-locked"));
}

TEST_CASE("device memory that is not allocated, or another device's, is refused", "[emulator][arguments]") {
  DeviceArray<int> out(1), in(std::vector<int>{3});
  const auto launch = [&](const int* from) { return run(add, 1, 1, 0, 0, out.data(), from, 1, 1.0, 1.0f); };
  CHECK(has(refusal_of([&] { return launch(in.data() + 2); }), "not allocated (freed, or past the end"));
  int* freed;
  CHECK_CUDA(cudaMalloc(&freed, 4096));
  CHECK_CUDA(launch(freed));
  CHECK_CUDA(cudaFree(freed));
  CHECK(has(refusal_of([&] { return launch(freed + 5); }), "not allocated"));

  CHECK_CUDA(cudaSetDevice(1));
  DeviceArray<int> second(std::vector<int>{6});
  CHECK_CUDA(cudaSetDevice(0));
  CHECK(has(refusal_of([&] { return launch(second.data()); }), "argument 1"));
  CHECK_CUDA(cudaDeviceEnablePeerAccess(1, 0));
  CHECK_CUDA(launch(second.data()));
  CHECK(out.host()[0] == 6);
  CHECK_CUDA(cudaDeviceDisablePeerAccess(1));
}

TEST_CASE("pointers inside structs are found, padding and numbers are not taken for them",
          "[emulator][arguments]") {
  DeviceArray<int> out(1), in(std::vector<int>{3, 8});
  Plan plan;
  plan.parts[0] = {in.data(), 1};
  plan.parts[1] = {in.data() + 1, 1};
  CHECK_CUDA(run(add_parts, 1, 1, 0, 0, out.data(), plan));
  CHECK(out.host()[0] == 11);
  plan.parts[1].in = &on_host;
  const std::string text = refusal_of([&] { return run(add_parts, 1, 1, 0, 0, out.data(), plan); });
  CHECK(has(text, "argument 1 (from 0), at byte 40, is 0x"));
  CHECK(has(text, "::add_parts(int*, "));

  // Structs made in memory that holds the host's addresses.
  const auto stale = [&]<class T>(T* made) {
    const void* address = &on_host;
    for (size_t at = 0; at + 8 <= sizeof(T); at += 8)
      std::memcpy(reinterpret_cast<char*>(made) + at, &address, 8);
    return made;
  };
  alignas(16) char memory[2][sizeof(Padded) + sizeof(Wide)];
  auto* padded = stale(reinterpret_cast<Padded*>(memory[0]));
  auto* wide = stale(reinterpret_cast<Wide*>(memory[1]));
  padded->small = 1, padded->in = in.data(), padded->last = 2;
  wide->value = 4;
  CHECK(errors_of([&] {
          CHECK_CUDA(run(take_padded, 1, 1, 0, 0, out.data(), *padded, *wide));
          CHECK(out.host()[0] == 7);
          CHECK_CUDA(run(take_numbers, 1, 1, 0, 0, out.data(), Numbers{}));
          CHECK(out.host()[0] == 1024);
          CHECK_CUDA(run(take_triples, 1, 1, 0, 0, out.data(), Triples{}));  // nothing else is cleared
          CHECK(out.host()[0] == 4);
        }) == "");
}

TEST_CASE("what closures and CUB's algorithms hold is looked at", "[emulator][arguments]") {
  DeviceArray<int> out(4), in(std::vector<int>{3, 1, 4, 1});
  DeviceArray<char> scratch(1 << 16);
  size_t bytes = 1 << 16;
  int* const to = out.data();
  const int* const from = &on_host;
  CHECK_CUDA(emulator::launch(1, 1, 0, 0, [=] { *to = 2; }));
  CHECK(out.host()[0] == 2);
  CHECK(has(refusal_of([&] { return emulator::launch(1, 1, 0, 0, [=] { *to = *from; }); }), "argument 0"));

  CHECK_CUDA(cub::DeviceScan::InclusiveSum(scratch.data(), bytes, in.data(), out.data(), 4));
  CHECK(out.host() == std::vector<int>{3, 4, 8, 9});
  const std::vector<int> host(4, 1);
  const std::string text = refusal_of(
      [&] { return cub::DeviceScan::InclusiveSum(scratch.data(), bytes, host.data(), out.data(), 4); });
  CHECK(has(text, "what cub::DeviceScan::InclusiveSum was given, at byte "));
  const auto times = [from](int i) { return i * *from; };
  const auto products = thrust::make_transform_iterator(thrust::counting_iterator<int>(0), times);
  CHECK(has(refusal_of([&] { return cub::DeviceScan::InclusiveSum(scratch.data(), bytes, products, to, 4); }),
            "memory of the host"));
}
