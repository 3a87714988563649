// What the race detector remembers of each byte of memory that a kernel touches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace emulator::racecheck {

constexpr unsigned kStampBits = 22;
constexpr unsigned kLastStamp = (1u << kStampBits) - 1;

// An access: when, by whom, from where.
struct Record {
  uint32_t epoch = 0;  // 0: never. Each block begins one, each barrier of a block another
  uint32_t who = 0;    // the thread's rank in its block, and how often its warp's lanes had met
  uint32_t code = 0;   // see code_of()
  unsigned rank() const { return who >> kStampBits; }
  unsigned stamp() const { return who & kLastStamp; }
};

// Of reads and of atomic operations two are kept, chosen so that whoever races with any races with one of
// these.
struct History {
  Record write, reads[2], atomics[2];
};

// Four bytes: one history while all accesses are of all four, one for each from the first other access on.
struct Cell {
  History history;
  uint32_t split;
};
static_assert(sizeof(Cell) == 64);
constexpr size_t kCellBytes = 4;

struct Split {
  const Cell* owner;
  History bytes[kCellBytes];
};

// Memory that is watched. Cells come into being, all zero, as they are asked for.
class Region {
 public:
  enum class Kind { Device, Static, Dynamic };

  Region(Kind kind, int device, uintptr_t base, size_t bytes);
  Region(Region&&) = default;
  Region& operator=(Region&&) = default;
  ~Region() { clear(); }

  bool contains(uintptr_t address) const { return address - base_ < bytes_; }
  Cell& cell(uintptr_t address) {
    const size_t number = (address - base_) / kCellBytes;
    Cell*& chunk = chunks_[number / kChunk];
    if (!chunk) chunk = make_chunk();
    return chunk[number % kChunk];
  }
  Kind kind() const { return kind_; }
  bool is_shared() const { return kind_ != Kind::Device; }
  int device() const { return device_; }
  uintptr_t base() const { return base_; }
  size_t bytes() const { return bytes_; }

  size_t chunks() const { return made_.size(); }
  void clear();

 private:
  static constexpr size_t kChunk = 1 << 18;  // cells: a MiB of memory
  Cell* make_chunk();

  Kind kind_;
  int device_;
  uintptr_t base_;
  size_t bytes_;
  std::unique_ptr<Cell*[]> chunks_;
  std::vector<Cell*> made_;
};

}  // namespace emulator::racecheck
