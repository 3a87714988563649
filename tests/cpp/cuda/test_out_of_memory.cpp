#include "autograd/node.h"
#include "cuda/runtime/memory.h"
#include "support.h"

using namespace plait;
using namespace plait::cuda;

namespace {

// The device with less memory, until the end of a test.
struct LittleMemory {
  explicit LittleMemory(size_t bytes) {
    size_t free = 0;
    check_cuda(cudaMemGetInfo(&free, &total));
    REQUIRE(plait_emulator_set_memory(0, bytes) == 0);
  }
  ~LittleMemory() { plait_emulator_set_memory(0, total); }
  size_t total = 0;
};

}  // namespace

TEST_CASE("the cache is given back before memory is said to be out") {
  Clean clean;
  LittleMemory little(64 * kMiB);
  take(40 * kMiB).reset();
  CHECK(stat(Stat::ReservedBytes) == clean.reserved + static_cast<int64_t>(40 * kMiB));
  const OwnedBlock other = take(50 * kMiB);
  CHECK(stat(Stat::ReservedBytes) == clean.reserved + static_cast<int64_t>(50 * kMiB));
  const DeviceMemoryStats s = device_memory_stats(0);
  CHECK(s.retries == 1);
  CHECK(s.ooms == 0);
}

TEST_CASE("blocks that wait for another stream are waited for before memory is said to be out") {
  Clean clean;
  LittleMemory little(64 * kMiB);
  const cudaStream_t side = pooled_stream(0, 0);
  Storage storage = allocate_storage(40 * kMiB, 0);
  void* address = storage->data();
  fill(address, 100, 1, side);
  record_stream(*storage, side);
  storage.reset();
  const OwnedBlock again = take(40 * kMiB);
  CHECK(block_data(again.get()) == address);
}

TEST_CASE("the message of OutOfMemoryError says where the memory is") {
  Clean clean;
  LittleMemory little(200 * kMiB);
  std::vector<Storage> layers;
  for (int i = 0; i < 3; ++i) {
    layers.push_back(allocate_storage(24 * kMiB, 0));
    note_op(from_storage(layers.back(), DType::BFloat16, Dims{12, 1024, 1024}, Dims{1 << 20, 1024, 1}, 0),
            "gelu");
  }
  const Storage weights = allocate_storage(30 * kMiB, 0);
  note_op(weights, "matmul");
  const Storage small = allocate_storage(1000, 0);
  const Storage medium = allocate_storage(5 * kMiB, 0);
  const std::string text = text_of<OutOfMemoryError>([] { allocate_storage(100 * kMiB, 0); });
  CHECK_THAT(text, ContainsSubstring("out of memory on cuda:0: 100.00 MiB were asked for"));
  CHECK_THAT(text, ContainsSubstring("of 200.00 MiB on the device are free"));
  CHECK_THAT(text, ContainsSubstring("107.00 MiB are in live tensors"));
  CHECK_THAT(text, ContainsSubstring(
                       "largest live allocations:\n    3 x 24.00 MiB  gelu  (12, 1024, 1024) bfloat16\n"
                       "    30.00 MiB  matmul\n    5.00 MiB"));
  CHECK_THAT(text, ContainsSubstring("of the cache the largest block has 15.00 MiB"));
  CHECK_THAT(text, ContainsSubstring("and 1 blocks of at most 1 MiB, 1.00 KiB in all"));
  CHECK(device_memory_stats(0).ooms == 1);
  CHECK_THAT(text_of<OutOfMemoryError>([] { allocate_storage(SIZE_MAX / 2, 0); }),
             ContainsSubstring("8.00 EiB were asked for"));
}

TEST_CASE("large allocations know the line that asked for them") {
  Clean clean;
  LittleMemory little(64 * kMiB);
  static int code;
  const auto site_before = current_call_site;
  const auto describe_before = describe_call_site;
  current_call_site = []() noexcept { return CallSite{&code, 12}; };
  describe_call_site = [](CallSite site) {
    return "train.py:" + std::to_string(site.instruction) + " in step";
  };
  const Storage live = allocate_storage(20 * kMiB, 0);
  const std::string text = text_of<OutOfMemoryError>([] { allocate_storage(60 * kMiB, 0); });
  CHECK_THAT(text, ContainsSubstring("20.00 MiB  at train.py:12 in step"));
  std::string line;
  for (const SegmentInfo& segment : memory_snapshot())
    for (const BlockInfo& block : segment.blocks)
      if (block.address == reinterpret_cast<uintptr_t>(live->data())) line = block.line;
  CHECK(line == "train.py:12 in step");
  current_call_site = site_before;
  describe_call_site = describe_before;
}

TEST_CASE("a fraction of the device's memory is a limit") {
  Clean clean;
  LittleMemory little(64 * kMiB);
  REQUIRE(clean.reserved == 0);
  set_memory_fraction(0, 0.5);
  struct Whole {
    ~Whole() { set_memory_fraction(0, 1); }
  } whole;
  const std::string text = text_of<OutOfMemoryError>([] { take(40 * kMiB); });
  CHECK_THAT(text, ContainsSubstring("set_per_process_memory_fraction allows 0.5 of the device, 32.00 MiB"));
  const OwnedBlock fits = take(20 * kMiB);
  set_memory_fraction(0, 1);
  const OwnedBlock too = take(40 * kMiB);
  CHECK_THROWS_AS(set_memory_fraction(0, 1.5), ValueError);
  CHECK_THROWS_AS(set_memory_fraction(0, -0.1), ValueError);
}

TEST_CASE("200 times out of memory and back end where they began") {
  Clean clean;
  LittleMemory little(128 * kMiB);
  const cudaStream_t side = pooled_stream(0, 0);
  for (int i = 0; i < 200; ++i) {
    std::vector<Storage> live;
    bool out = false;
    try {
      for (int k = 0; k < 100; ++k) {
        live.push_back(allocate_storage((size_t{1} + (i * 7 + k * 3) % 13) * kMiB / (k % 4 + 1), 0));
        fill(live.back()->data(), 10, 1, k % 2 ? side : nullptr);
        if (k % 2) record_stream(*live.back(), side);
        Workspace workspace(300 * kKiB);
        fill(workspace.data(), 10, 1, nullptr);
      }
    } catch (const OutOfMemoryError&) {
      out = true;
    }
    CHECK(out);
  }
  synchronize_device(0);
  empty_cache();
  CHECK(stat(Stat::ActiveBytes) == clean.live);
  CHECK(stat(Stat::ReservedBytes) == clean.reserved);
  const OwnedBlock large = take(100 * kMiB);  // all of it is there again
}

TEST_CASE("other errors of cudaMalloc are not taken for a lack of memory") {
  Clean clean;
  REQUIRE(plait_emulator_fail_after("cudaMalloc", 1, cudaErrorInvalidValue) == 0);
  const std::string text = text_of<RuntimeError>([] { take(30 * kMiB); });
  CHECK_THAT(text, ContainsSubstring("cudaErrorInvalidValue"));
  CHECK_THAT(text, ContainsSubstring("cudaMalloc"));
  CHECK(device_memory_stats(0).ooms == 0);
  const OwnedBlock fine = take(30 * kMiB);
}
