#include <ctime>
#include <random>
#include <thread>

#include "cuda/runtime/memory.h"
#include "support.h"

using namespace plait;
using namespace plait::cuda;

TEST_CASE("freed memory is handed out again on its stream, without asking CUDA") {
  Clean clean;
  void* first = block_data(take(1000).get());
  const uint64_t mallocs = counter(PlaitEmulatorMallocs);
  for (int i = 0; i < 100; ++i) CHECK(block_data(take(900).get()) == first);
  CHECK(counter(PlaitEmulatorMallocs) == mallocs);
  CHECK(stat(Stat::ReservedBytes) == clean.reserved + static_cast<int64_t>(2 * kMiB));

  const OwnedBlock other = take(900, pooled_stream(0, 0));  // another stream may not have it
  CHECK(block_data(other.get()) != first);
}

TEST_CASE("no memory for no bytes") {
  Clean clean;
  CHECK(allocate_block(0, 0, nullptr) == nullptr);
  free_block(nullptr);
  const Storage storage = allocate_storage(0, 0);
  CHECK(storage->data() == nullptr);
  CHECK(storage->device() == Device{DeviceType::CUDA, 0});
  Workspace workspace(0);
  CHECK(workspace.data() == nullptr);
}

TEST_CASE("blocks are aligned, rounded to 512 bytes, and do not overlap") {
  Clean clean;
  std::map<char*, size_t> taken;
  std::vector<OwnedBlock> blocks;
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) {
    const size_t bytes = 1 + random() % (i % 10 ? 20000 : 3 * kMiB);
    blocks.push_back(take(bytes));
    char* data = static_cast<char*>(block_data(blocks.back().get()));
    CHECK(reinterpret_cast<uintptr_t>(data) % 512 == 0);
    auto after = taken.lower_bound(data);
    if (after != taken.end()) CHECK(data + bytes <= after->first);
    if (after != taken.begin()) CHECK(std::prev(after)->first + std::prev(after)->second <= data);
    taken[data] = bytes;
    if (random() % 2) {
      const size_t victim = random() % blocks.size();
      taken.erase(static_cast<char*>(block_data(blocks[victim].get())));
      std::swap(blocks[victim], blocks.back());
      blocks.pop_back();
    }
  }
}

TEST_CASE("blocks are split, and merged with their neighbours in any order") {
  Clean clean;
  std::vector<OwnedBlock> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(take(512 * kKiB));
  char* base = static_cast<char*>(block_data(blocks[0].get()));
  for (size_t i = 0; i < 4; ++i)
    CHECK(static_cast<char*>(block_data(blocks[i].get())) == base + i * 512 * kKiB);
  CHECK(stat(Stat::Segment) == 1);
  CHECK(stat(Stat::InactiveSplit) == 0);
  for (const size_t i : {1, 3, 2}) blocks[i].reset();
  CHECK(stat(Stat::InactiveSplit) == 1);
  CHECK(stat(Stat::InactiveSplitBytes) == static_cast<int64_t>(1536 * kKiB));
  CHECK(block_data(take(1 * kMiB).get()) == base + 512 * kKiB);
  blocks[0].reset();
  CHECK(stat(Stat::InactiveSplit) == 0);
  CHECK(stat(Stat::ReservedBytes) == clean.reserved + static_cast<int64_t>(2 * kMiB));
  CHECK(stat(Stat::ActiveBytes) == clean.live);
}

TEST_CASE("the best block is taken, not the first") {
  Clean clean;
  OwnedBlock a = take(100 * kKiB), wall1 = take(512), b = take(60 * kKiB), wall2 = take(512),
             c = take(80 * kKiB), wall3 = take(512);
  void* fit = block_data(c.get());
  a.reset();
  b.reset();
  c.reset();
  CHECK(block_data(take(70 * kKiB).get()) == fit);
  // Among many free blocks of one bin, too.
  std::vector<OwnedBlock> many, walls;
  for (size_t i = 0; i < 100; ++i) {
    many.push_back(take(300 * kKiB + 512 * (i % 2)));
    walls.push_back(take(512));
  }
  many.clear();
  const int64_t reserved = stat(Stat::ReservedBytes);
  for (size_t i = 0; i < 50; ++i) many.push_back(take(300 * kKiB + 512));
  CHECK(stat(Stat::ReservedBytes) == reserved);
}

TEST_CASE("segments: 2 MiB for small blocks, 20 MiB for medium ones, the largest have their own") {
  Clean clean;
  const auto grown = [&](size_t bytes) {
    const int64_t before = stat(Stat::ReservedBytes);
    const OwnedBlock block = take(bytes);
    const int64_t after = stat(Stat::ReservedBytes);
    return static_cast<size_t>(after - before);
  };
  CHECK(grown(1) == 2 * kMiB);
  CHECK(grown(kMiB + 1) == 20 * kMiB);
  CHECK(grown(3 * kMiB) == 0);  // in the cached segment
  CHECK(grown(21 * kMiB + 1) == 22 * kMiB);
  CHECK(stat(Stat::Segment, StatPool::Small) == 1);
  CHECK(stat(Stat::Segment, StatPool::Large) == 2);
  // A large block is split only where more than 1 MiB is left.
  empty_cache();
  const OwnedBlock nearly = take(19 * kMiB + 512);
  CHECK(stat(Stat::AllocatedBytes, StatPool::Large) == static_cast<int64_t>(20 * kMiB));
}

TEST_CASE("statistics: current, peak, allocated, freed; reset") {
  Clean clean;
  OwnedBlock a = take(1000), b = take(5 * kMiB);
  b.reset();
  DeviceMemoryStats s = device_memory_stats(0);
  const auto value = [&](Stat which, StatPool pool) {
    return s.values[static_cast<int>(which)][static_cast<int>(pool)];
  };
  CHECK(value(Stat::AllocatedBytes, StatPool::All).current - clean.live == 1024);
  CHECK(value(Stat::AllocatedBytes, StatPool::All).peak - clean.live ==
        1024 + static_cast<int64_t>(5 * kMiB));
  CHECK(value(Stat::AllocatedBytes, StatPool::Large).current == 0);
  CHECK(value(Stat::AllocatedBytes, StatPool::Large).freed == static_cast<int64_t>(5 * kMiB));
  CHECK(value(Stat::Allocation, StatPool::Small).allocated == 1);
  CHECK(value(Stat::RequestedBytes, StatPool::Small).current == 1000);
  CHECK(value(Stat::ReservedBytes, StatPool::All).current - clean.reserved ==
        static_cast<int64_t>(22 * kMiB));
  CHECK(s.device_allocations == 2);
  reset_peak_memory_stats(0);
  CHECK(peak(Stat::AllocatedBytes) - clean.live == 1024);
  reset_accumulated_memory_stats(0);
  s = device_memory_stats(0);
  CHECK(value(Stat::AllocatedBytes, StatPool::Large).freed == 0);
  CHECK(value(Stat::AllocatedBytes, StatPool::All).current - clean.live == 1024);
}

TEST_CASE("empty_cache gives back whole segments, and no others") {
  Clean clean;
  OwnedBlock kept = take(1000), freed = take(30 * kMiB);
  freed.reset();
  const uint64_t frees = counter(PlaitEmulatorFrees);
  empty_cache();
  CHECK(counter(PlaitEmulatorFrees) == frees + 1);
  CHECK(stat(Stat::ReservedBytes) == clean.reserved + static_cast<int64_t>(2 * kMiB));
}

TEST_CASE("memory on the same stream may be used again at once: kernels run in order") {
  Clean clean;
  constexpr int64_t n = 1000;
  const cudaStream_t stream = pooled_stream(0, 0);
  const OwnedBlock result = take(4 * n, stream);
  void* address;
  {
    const OwnedBlock a = take(4 * n, stream);
    address = block_data(a.get());
    fill(address, n, 1, stream);
    copy(block_data(result.get()), address, n, stream);
  }
  const OwnedBlock b = take(4 * n, stream);
  CHECK(block_data(b.get()) == address);
  fill(address, n, 2, stream);
  synchronize_stream(stream);
  CHECK(read(block_data(result.get()), n) == std::vector<float>(n, 1));
}

TEST_CASE("a block used on another stream waits for it") {
  Clean clean;
  constexpr int64_t n = 1000;
  const cudaStream_t main = pooled_stream(0, 0), side = pooled_stream(0, 0);
  REQUIRE(main != side);
  const OwnedBlock result = take(4 * n, side);
  set_current_stream(0, main);
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    plait_emulator_set_seed(seed);
    Storage storage = allocate_storage(4 * n, 0);
    void* address = storage->data();
    fill(address, n, 1, main);
    synchronize_stream(main);
    record_stream(*storage, side);
    record_stream(*storage, side);  // once is enough, twice does no harm
    record_stream(*storage, main);  // its own stream counts for nothing
    copy(block_data(result.get()), address, n, side);
    storage.reset();
    CHECK(stat(Stat::ActiveBytes) - stat(Stat::AllocatedBytes) == 4096);
    {
      const OwnedBlock next = take(4 * n, main);  // written at once: it must be other memory
      CHECK(block_data(next.get()) != address);
      fill(block_data(next.get()), n, 2, main);
      synchronize_stream(main);
    }
    synchronize_stream(side);
    CHECK(read(block_data(result.get()), n) == std::vector<float>(n, 1));
    empty_cache();
    CHECK(stat(Stat::ActiveBytes) == stat(Stat::AllocatedBytes));
  }
}

TEST_CASE("without record_stream the memory would have been overwritten") {
  // What the test before must catch, so that it is known to catch it.
  Clean clean;
  constexpr int64_t n = 1000;
  const cudaStream_t main = pooled_stream(0, 0), side = pooled_stream(0, 0);
  const OwnedBlock result = take(4 * n, side);
  void* address;
  {
    const OwnedBlock block = take(4 * n, main);
    address = block_data(block.get());
    fill(address, n, 1, main);
    synchronize_stream(main);
    copy(block_data(result.get()), address, n, side);
  }
  const OwnedBlock next = take(4 * n, main);
  CHECK(block_data(next.get()) == address);
  fill(address, n, 2, main);
  synchronize_stream(main);
  synchronize_stream(side);
  CHECK(read(block_data(result.get()), n) == std::vector<float>(n, 2));
}

TEST_CASE("a block that waits comes back by itself") {
  Clean clean;
  const cudaStream_t main = pooled_stream(0, 0), side = pooled_stream(0, 0);
  std::vector<OwnedBlock> walls;
  for (int i = 0; i < 3; ++i) walls.push_back(take(512 * kKiB, main));
  set_current_stream(0, main);
  Storage storage = allocate_storage(512 * kKiB, 0);
  void* address = storage->data();
  fill(address, 100, 1, side);
  record_stream(*storage, side);
  storage.reset();
  synchronize_stream(side);
  const int64_t reserved = stat(Stat::ReservedBytes);
  CHECK(block_data(take(512 * kKiB, main).get()) == address);  // found before new memory is asked for
  CHECK(stat(Stat::ReservedBytes) == reserved);
}

TEST_CASE("storages are freed on any thread, with several threads allocating") {
  Clean clean;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      set_current_stream(0, t % 2 ? pooled_stream(0, 0) : nullptr);
      std::mt19937 random(static_cast<unsigned>(t));
      std::vector<Storage> mine;
      for (int i = 0; i < 2000; ++i) {
        mine.push_back(allocate_storage(1 + random() % 100000, 0));
        if (mine.size() > 20) {
          if (random() % 8 == 0) {
            std::thread([moved = std::move(mine.back())] {}).join();
            mine.pop_back();
          } else {
            mine.erase(mine.begin() + random() % 20);
          }
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("several devices have memory of their own") {
  Clean clean;
  REQUIRE(device_count() >= 2);
  const int64_t before = stat(Stat::AllocatedBytes, StatPool::All, 1);
  {
    const Storage there = allocate_storage(4000, 1);
    CHECK(there->device() == Device{DeviceType::CUDA, 1});
    CHECK(current_device() == 0);
    CHECK(stat(Stat::AllocatedBytes, StatPool::All, 1) == before + 4096);
    CHECK(stat(Stat::AllocatedBytes) == clean.live);
    cudaPointerAttributes attributes{};
    check_cuda(cudaPointerGetAttributes(&attributes, there->data()));
    CHECK(attributes.device == 1);
    // Used by a stream of the other device.
    const cudaStream_t stream = pooled_stream(0, 0);
    record_stream(*there, stream, 0);
  }
  synchronize_device(0);
  empty_cache();
  CHECK(stat(Stat::ActiveBytes, StatPool::All, 1) == before);
  CHECK_THROWS_AS(allocate_block(1, 99, nullptr), RuntimeError);
}

TEST_CASE("the snapshot names segments, blocks, ops and shapes") {
  Clean clean;
  const Storage large = allocate_storage(3 * kMiB, 0);
  const Tensor named = from_storage(large, DType::Float32, Dims{3, 512, 512}, Dims{512 * 512, 512, 1}, 0);
  note_op(named, "softmax");
  const Storage other = allocate_storage(2 * kMiB, 0);
  note_op(other, "add");
  const Storage small = allocate_storage(100, 0);
  note_op(small, "mul");  // too small to be named
  bool found = false, found_other = false, found_small = false;
  for (const SegmentInfo& segment : memory_snapshot()) {
    size_t bytes = 0;
    for (const BlockInfo& block : segment.blocks) {
      CHECK(block.address == segment.address + bytes);
      bytes += block.size;
      const bool live = block.state == BlockInfo::State::Live;
      if (block.address == reinterpret_cast<uintptr_t>(large->data())) {
        found = true;
        CHECK(block.op == "softmax");
        CHECK(block.shape == "(3, 512, 512) float32");
        CHECK((live && block.size == 3 * kMiB && block.requested == 3 * kMiB && !segment.small));
      } else if (block.address == reinterpret_cast<uintptr_t>(other->data())) {
        found_other = true;
        CHECK((block.op == "add" && block.shape.empty()));
      } else if (block.address == reinterpret_cast<uintptr_t>(small->data())) {
        found_small = true;
        CHECK((block.op.empty() && segment.small && block.requested == 100));
      }
    }
    CHECK(bytes == segment.size);
  }
  CHECK((found && found_other && found_small));
}

// The processor's time of the thread, so that who else runs on the machine does not count.
TEST_CASE("what an allocation costs", "[.][benchmark]") {
  Clean clean;
  const auto now = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  };
  for (const size_t bytes : {size_t{1000}, 4 * kMiB}) {
    std::vector<OwnedBlock> around;
    for (int i = 0; i < 50; ++i) around.push_back(take(bytes * static_cast<size_t>(1 + i % 3)));
    constexpr int n = 1000000;
    const double begin = now();
    for (int i = 0; i < n; ++i) take(bytes);
    const double blocks = now();
    for (int i = 0; i < n; ++i) allocate_storage(bytes, 0);
    const double end = now();
    WARN(bytes << " bytes: allocate and free " << (blocks - begin) / n << " ns, as a storage "
               << (end - blocks) / n << " ns");
  }
}
