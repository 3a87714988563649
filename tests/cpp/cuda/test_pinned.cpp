#include "cuda/runtime/pinned.h"
#include "support.h"

using namespace plait;
using namespace plait::cuda;

TEST_CASE("page-locked memory is kept by powers of two") {
  Clean clean;
  empty_pinned_cache();
  const PinnedStats before = pinned_stats();
  void* address;
  {
    const Storage storage = allocate_pinned(5000);
    address = storage->data();
    CHECK(storage->device() == kCPU);
    CHECK(storage->bytes() == 5000);
    CHECK((is_pinned(storage) && is_pinned(static_cast<char*>(address) + 4999)));
    CHECK(pinned_stats().live_bytes - before.live_bytes == 8192);
  }
  CHECK(pinned_stats().cached_bytes == 8192);
  for (int i = 0; i < 10; ++i) CHECK(allocate_pinned(8192)->data() == address);
  CHECK(pinned_stats().host_allocations - before.host_allocations == 1);
  CHECK(allocate_pinned(8193)->data() != address);
  empty_pinned_cache();
  CHECK(pinned_stats().cached_bytes == 0);
  CHECK_FALSE(is_pinned(address));
  int local = 0;
  CHECK_FALSE(is_pinned(&local));
  CHECK_FALSE(is_pinned(static_cast<const void*>(nullptr)));
}

TEST_CASE("a page-locked block is the copy's until the copy is done") {
  Clean clean;
  constexpr int64_t n = 256;
  const cudaStream_t stream = pooled_stream(0, 0);
  const OwnedBlock device = take(4 * n, stream);
  for (const uint64_t seed : {1, 2, 3}) {
    plait_emulator_set_seed(seed);
    Storage storage = allocate_pinned(4 * n);
    auto* values = static_cast<float*>(storage->data());
    std::fill(values, values + n, static_cast<float>(seed));
    check_cuda(cudaMemcpyAsync(block_data(device.get()), values, 4 * n, cudaMemcpyHostToDevice, stream));
    CHECK(record_pinned(values, 0, stream));
    storage.reset();
    {
      const Storage next = allocate_pinned(4 * n);  // written at once: it must be other memory
      CHECK(next->data() != values);
      auto* other = static_cast<float*>(next->data());
      std::fill(other, other + n, -1.0f);
    }
    synchronize_stream(stream);
    CHECK(read(block_data(device.get()), n) == std::vector<float>(n, static_cast<float>(seed)));
    const Storage a = allocate_pinned(4 * n), b = allocate_pinned(4 * n);
    CHECK((a->data() == values || b->data() == values));
  }
  int local = 0;
  CHECK_FALSE(record_pinned(&local, 0, stream));
  empty_pinned_cache();
}

TEST_CASE("when the system refuses page-locked memory, the cache is given back first") {
  Clean clean;
  allocate_pinned(100000);
  CHECK(pinned_stats().cached_bytes >= 100000);
  REQUIRE(plait_emulator_fail_after("cudaHostAlloc", 1, cudaErrorMemoryAllocation) == 0);
  { const Storage storage = allocate_pinned(1000000); }
  CHECK(pinned_stats().cached_bytes == 1 << 20);
  REQUIRE(plait_emulator_fail_after("cudaHostAlloc", 1, cudaErrorMemoryAllocation) == 0);
  REQUIRE(plait_emulator_fail_after("cudaHostAlloc", 2, cudaErrorMemoryAllocation) == 0);
  CHECK_THAT(text_of<OutOfMemoryError>([] { allocate_pinned(3000000); }),
             ContainsSubstring("out of page-locked memory: 3000000 bytes"));
  CHECK_THROWS_AS(allocate_pinned(SIZE_MAX / 4), OutOfMemoryError);
  empty_pinned_cache();
}
