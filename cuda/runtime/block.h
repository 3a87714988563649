// What the allocator keeps of a block, and the bins of free blocks.
#pragma once

#include <bit>
#include <climits>
#include <vector>

#include "autograd/node.h"
#include "cuda/runtime/allocator.h"

namespace plait::cuda {

inline constexpr size_t kGranule = 512;  // sizes are multiples of it
inline constexpr size_t kSmallMax = size_t{1} << 20;

struct Pool;

struct Block {
  enum class State : uint8_t { Live, Pending, Free };  // Pending: freed, other streams still use it

  char* data = nullptr;
  size_t size = 0, requested = 0;
  Pool* pool = nullptr;
  Block *previous = nullptr, *next = nullptr;          // neighbours in the segment
  Block *bin_previous = nullptr, *bin_next = nullptr;  // in its bin, while it is free
  State state = State::Free;

  struct Use {
    int device;
    cudaStream_t stream;
  };
  int pending_events = 0;
  std::vector<Use>* uses = nullptr;

  // Who asked for it, where it is large.
  static constexpr int kNotedDims = 6;
  const char* op = nullptr;
  CallSite site;
  int dims = -1;  // -1: the shape is unknown
  DType dtype = DType::UInt8;
  int64_t sizes[kNotedDims] = {};

  bool is_split() const { return previous || next; }
};

// Free blocks by size. Note [Bins]: sizes up to 32 KiB have a bin each, larger ones 64 bins to each power of
// two, so that blocks of one bin differ by less than 1.6%. Lists are threaded through the blocks, and a
// bitmap says which are not empty: taking, adding and removing a block cost the same however many there are.
// Within the first bin that may fit the best of the first few blocks is taken.
class Bins {
 public:
  void insert(Block* block) {
    const int bin = bin_of(block->size);
    block->bin_previous = nullptr;
    block->bin_next = heads_[bin];
    if (heads_[bin]) heads_[bin]->bin_previous = block;
    heads_[bin] = block;
    words_[bin / 64] |= uint64_t{1} << bin % 64;
    filled_ |= uint64_t{1} << bin / 64;
  }

  void remove(Block* block) {
    const int bin = bin_of(block->size);
    if (block->bin_next) block->bin_next->bin_previous = block->bin_previous;
    if (block->bin_previous) {
      block->bin_previous->bin_next = block->bin_next;
      return;
    }
    heads_[bin] = block->bin_next;
    if (heads_[bin]) return;
    if (!(words_[bin / 64] &= ~(uint64_t{1} << bin % 64))) filled_ &= ~(uint64_t{1} << bin / 64);
  }

  // The best block of at least `size` bytes, removed; null where there is none.
  Block* take(size_t size) {
    const int bin = bin_of(size);
    Block* best = best_of(heads_[bin], size, kLook);
    if (!best) {
      const int next = next_filled(bin + 1);
      best = next >= 0 ? best_of(heads_[next], size, kLook) : best_of(heads_[bin], size, INT_MAX);
    }
    if (best) remove(best);
    return best;
  }

  size_t largest() const {
    size_t size = 0;
    if (filled_) {
      const int word = std::bit_width(filled_) - 1;
      const int bin = word * 64 + static_cast<int>(std::bit_width(words_[word])) - 1;
      for (const Block* b = heads_[bin]; b; b = b->bin_next) size = b->size > size ? b->size : size;
    }
    return size;
  }

 private:
  static constexpr int kWords = 40;  // up to 2^48 bytes
  static constexpr int kLook = 32;

  static int bin_of(size_t size) {
    const size_t granules = size / kGranule;
    if (granules < 64) return static_cast<int>(granules);
    const int shift = static_cast<int>(std::bit_width(granules)) - 7;
    return 64 + shift * 64 + static_cast<int>(granules >> shift & 63);
  }

  static Block* best_of(Block* list, size_t size, int look) {
    Block* best = nullptr;
    for (Block* b = list; b && look; b = b->bin_next, --look) {
      if (b->size == size) return b;
      if (b->size > size && (!best || b->size < best->size)) best = b;
    }
    return best;
  }

  int next_filled(int bin) const {
    int word = bin / 64;
    if (const uint64_t here = words_[word] >> bin % 64) return bin + std::countr_zero(here);
    if (++word >= kWords) return -1;
    const uint64_t later = filled_ >> word << word;
    if (!later) return -1;
    word = std::countr_zero(later);
    return word * 64 + std::countr_zero(words_[word]);
  }

  Block* heads_[kWords * 64] = {};
  uint64_t words_[kWords] = {};
  uint64_t filled_ = 0;
};

struct PrivatePool;
class DeviceAllocator;

// The free blocks of one stream, small or large, common or of a private pool.
struct Pool {
  Bins bins;
  DeviceAllocator* allocator = nullptr;
  cudaStream_t stream = nullptr;
  bool small = false;
  PrivatePool* owner = nullptr;
};

}  // namespace plait::cuda
