// What the ranks of an emulated communicator share, whatever process they are in: a file of shared memory
// with what each rank has come to, and with the data that it brought. Its name goes when all have opened it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace emulator::nccl {

constexpr int kMaxRanks = 16;
constexpr uint64_t kSlots = 64;         // of what a rank may be ahead of others
constexpr size_t kRegion = 1ull << 31;  // bytes of addresses for a rank's data

// What all ranks must say alike; of a transfer, both.
struct Terms {
  int32_t kind = 0, type = 0, op = 0, root = 0;
  uint64_t count = 0;
  bool operator==(const Terms&) const = default;
};
struct Posting {
  Terms terms;
  uint64_t offset = 0;  // of the data in the rank's region
};

enum Presence : int { Absent, Here, Left, Aborted };

// Counters grow for ever; number n stands in slot n % kSlots. All is zero at the beginning.
struct RankState {
  std::atomic<int> presence, process, device;
  std::atomic<uint64_t> posted, departed;  // collectives that it came to, and that it has read the data of
  Posting postings[kSlots];
};
struct PairState {
  std::atomic<uint64_t> sent, wanted, taken;  // transfers that one came with, the other for, and has read
  Posting sends[kSlots], wants[kSlots];
};
struct Shared {
  std::atomic<int> size;    // of the first that came
  std::atomic<int> broken;  // ranks did not say alike
  RankState ranks[kMaxRanks];
  PairState pairs[kMaxRanks][kMaxRanks];  // from, to
};

class World {
 public:
  // Null, and a reason, where there is no shared memory.
  static std::shared_ptr<World> join(const std::string& name, int size, int rank, int device,
                                     std::string& reason);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  bool complete();  // all ranks have come
  void leave(Presence how);
  Shared& shared() const { return *shared_; }
  RankState& state(int rank) const { return shared_->ranks[rank]; }
  PairState& pair(int from, int to) const { return shared_->pairs[from][to]; }
  char* data(int rank, uint64_t offset) const;
  // Room for data of this rank's; false while others have not read enough of the earlier. `full`: there will
  // never be room.
  bool place(size_t bytes, uint64_t& offset, bool& full);
  bool has_died(int rank) const;  // its process has ended

 private:
  World() = default;
  void take_name_away();
  bool all_taken() const;

  std::string path_;
  int file_ = -1, size_ = 0, rank_ = 0;
  Shared* shared_ = nullptr;
  uint64_t used_ = 0, backed_ = 0;  // bytes of this rank's region: taken, and with memory behind them
  std::atomic<bool> named_{true};
};

}  // namespace emulator::nccl
